// Counts down what the server said is left; the browser's own clock is never asked for the time.
(() => {
  "use strict";
  const SPOKEN = [600, 300, 120, 60, 30, 10];
  let timer = 0;

  const digits = (left) =>
    `${String(Math.floor(left / 60)).padStart(2, "0")}:${String(left % 60).padStart(2, "0")}`;

  const unit = (count, name) => (count === 0 ? "" : `${count} ${name}${count === 1 ? "" : "s"}`);

  const words = (left) =>
    [unit(Math.floor(left / 60), "minute"), unit(left % 60, "second")].filter(Boolean).join(" ") || "No time";

  const start = () => {
    clearInterval(timer);
    const box = document.querySelector("[data-countdown]");
    if (!box) return;
    const began = performance.now();
    const given = Number(box.dataset.seconds);
    const shown = box.querySelector("[data-digits]");
    const said = box.querySelector("[data-words]");
    const announce = box.querySelector("[data-announce]");
    let last = given;

    const tick = () => {
      const left = Math.max(0, Math.ceil(given - (performance.now() - began) / 1000));
      if (left === last) return;
      shown.textContent = digits(left);
      said.textContent = `${words(left)} left`;
      if (SPOKEN.some((mark) => left <= mark && mark < last)) announce.textContent = `${words(left)} left to pay`;
      last = left;
      if (left > 0) return;
      clearInterval(timer);
      announce.textContent = "The time to pay is over";
      setTimeout(() => document.dispatchEvent(new Event("ticketing:stale")), 1500);
    };
    timer = setInterval(tick, 250);
  };

  document.addEventListener("ticketing:shown", start);
  start();
})();
