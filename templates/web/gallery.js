// Asks every second whether a template has changed, and loads the page again when one has.
"use strict";
(() => {
  const shown = document.documentElement.dataset.version;
  const told = document.getElementById("watch");
  const say = (text) => {
    if (told.textContent !== text) told.textContent = text;
  };
  const look = async () => {
    try {
      const answer = await fetch("/version", { cache: "no-store" });
      if (answer.ok && (await answer.text()) !== shown) {
        location.reload();
        return;
      }
      say("Follows what you change.");
    } catch {
      say("The gallery has ended; this is what it showed last.");
    }
    setTimeout(look, 1000);
  };
  look();
})();
