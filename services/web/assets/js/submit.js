// Keeps a form from being sent twice while the first answer is on its way.
(() => {
  "use strict";
  const busy = new Set();

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (busy.has(form)) {
      event.preventDefault();
      return;
    }
    busy.add(form);
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  });

  // Coming back to a page that the browser has kept: its forms can be used again.
  window.addEventListener("pageshow", () => {
    for (const form of busy) {
      for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
    }
    busy.clear();
  });
})();
