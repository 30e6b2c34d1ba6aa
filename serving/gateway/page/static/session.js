// Who is logged in: what one tab does is told to all others, and a session that is over is said in words.
import { find } from "./words.js";

const channel = new BroadcastChannel("session");
const acts = [];

export const whenLoggedOut = (act) => acts.push(act);

export function loggedOut() {
  const place = find("signed-out");
  if (!place.hidden) return;
  place.hidden = false;
  find("logout")?.remove();
  for (const section of document.querySelectorAll("main > section")) section.hidden = true;
  for (const act of acts) act();
  place.focus();
}

async function ask() {
  const answer = await fetch("/page/session", { credentials: "same-origin", cache: "no-store" }).catch(() => null);
  if (answer?.status === 401) loggedOut();
}

if (document.body.dataset.session) {
  channel.addEventListener("message", ask);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  find("logout").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    try {
      await fetch(form.action, { method: "POST", credentials: "same-origin", redirect: "manual" });
    } catch {
      return form.submit(); // the browser says what is wrong
    }
    channel.postMessage("logged out");
    location.assign("/login");
  });
}
