// Time by the clock, not by counting ticks: a tab in the background ticks rarely.
export const secondsOf = (record, rows, step = record.step) => rows[step].minutes * 60 + (record.extra[step] ?? 0);
export function remaining(record, rows) {
  if (!rows?.[record.step]) return null;
  return Math.round(secondsOf(record, rows) - (Date.now() - record.begun[record.step]) / 1000);
}
// Minutes by which the meeting will end after its plan, as it goes now; less than 0 before it.
export function delay(record, rows) {
  const left = rows.map((_, step) => step < record.step ? 0 : step > record.step ? secondsOf(record, rows, step) : Math.max(0, remaining(record, rows)));
  const planned = rows.reduce((sum, row) => sum + row.minutes * 60, 0);
  return Math.round(((Date.now() - record.begun[0]) / 1000 + left.reduce((sum, one) => sum + one, 0) - planned) / 60);
}
// Minutes since the meeting began.
export const gone = record => record.begun[0] ? Math.floor((Date.now() - record.begun[0]) / 60000) : 0;
export function shown(seconds) {
  const all = Math.abs(seconds);
  return `${Math.floor(all / 60)}:${String(all % 60).padStart(2, "0")}`;
}

// A soft tone, once, for whoever looks at another window.
export function tone() {
  try {
    const sound = new AudioContext(), wave = sound.createOscillator(), volume = sound.createGain();
    wave.frequency.value = 440;
    volume.gain.setValueAtTime(0.05, sound.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + 0.6);
    wave.connect(volume).connect(sound.destination);
    wave.start();
    wave.stop(sound.currentTime + 0.6);
    wave.onended = () => sound.close();
  } catch { /* no sound here */ }
}
