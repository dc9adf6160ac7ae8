document.querySelectorAll(".scrub:not([data-alive])").forEach(box => {
  const $ = name => box.querySelector(name), range = $("input"), play = $("button"), says = $(".scrub-says");
  const images = box.querySelectorAll("img"), last = images.length - 1;
  const texts = JSON.parse(box.dataset.captions);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches, rest = calm ? "Next" : "Play";
  let timer = 0;
  const show = i => { images.forEach((img, k) => img.toggleAttribute("data-off", k !== i)); range.value = i;
    says.textContent = texts[i]; range.setAttribute("aria-valuetext", texts[i]); };
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = rest; };
  const next = () => { const i = +range.value; show(i < last ? i + 1 : 0); if (i + 1 >= last) stop(); };
  range.addEventListener("input", () => { stop(); show(+range.value); });
  play.addEventListener("click", () => { if (timer) return stop();
    if (calm) return next();
    if (+range.value === last) show(0);
    play.textContent = "Pause"; timer = setInterval(next, 1000 / box.dataset.fps); });
  box.dataset.alive = ""; $(".scrub-bar").hidden = false; stop(); show(0);
});
