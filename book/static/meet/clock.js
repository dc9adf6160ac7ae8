// Time by the clock, not by counting ticks: a tab in the background ticks rarely.
export const secondsOf = (record, rows, step = record.step) => rows[step].minutes * 60 + (record.extra[step] ?? 0);
export function remaining(record, rows) {
  if (!rows?.[record.step]) return null;
  return Math.round(secondsOf(record, rows) - (Date.now() - record.begun[record.step]) / 1000);
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
