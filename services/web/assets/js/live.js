// Shows what has changed: the server says that something did, and the page is fetched again.
(() => {
  "use strict";
  let stream = null;
  let fetching = false;
  let again = false;

  const main = () => document.getElementById("main");

  const isInUse = () => {
    const field = document.activeElement;
    return Boolean(field && field.matches("#main input, #main select"));
  };

  const show = async () => {
    if (fetching) {
      again = true;
      return;
    }
    fetching = true;
    try {
      const path = main().dataset.live.replace("/live/", "/");
      const answer = await fetch(path, { headers: { accept: "text/html" } });
      if (!answer.ok || answer.redirected) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = fresh.getElementById("main");
      if (!next || next.dataset.version === main().dataset.version) return;
      const hadFocus = main().contains(document.activeElement);
      main().replaceWith(document.adoptNode(next));
      document.title = fresh.title;
      if (hadFocus) main().focus({ preventScroll: true });
      document.dispatchEvent(new Event("ticketing:shown"));
    } catch {
      // The next change, or the next page load, shows it.
    } finally {
      fetching = false;
      if (again) {
        again = false;
        show();
      }
    }
  };

  const changed = (event) => {
    const version = event.data ? JSON.parse(event.data).version : undefined;
    if (version !== undefined && version <= Number(main().dataset.version)) return;
    // What somebody is filling in is not taken away; the server judges it when it is sent.
    if (!isInUse()) show();
  };

  // A page that nobody sees holds no connection: browsers open only a few to one site.
  const follow = () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else if (!stream) {
      stream = new EventSource(main().dataset.live);
      stream.addEventListener("changed", changed);
    }
  };

  if (!main().dataset.live || !window.EventSource) return;
  document.addEventListener("visibilitychange", () => {
    follow();
    if (!document.hidden) show();
  });
  document.addEventListener("ticketing:stale", show);
  window.addEventListener("pagehide", () => {
    stream?.close();
    stream = null;
  });
  window.addEventListener("pageshow", follow);
  follow();
})();
