// What the gateway is asked; an answer that is no success becomes an error in its words.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "The server does not answer. Try again.");
  }
  if (answer.status === 401) {
    location.assign("/login");
    throw new Refused(401, "You are not logged in, or no longer.");
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, told.error || `The server answered ${answer.status}. Try again.`);
  }
  return answer;
}

const json = async (path, options) => (await ask(path, options)).json();
const list = (id) => `/page/lists/${encodeURIComponent(id)}`;

export const send = (name, body, signal) => json(`/page/lists?${new URLSearchParams({ name })}`, { method: "POST", body, signal });
export const kept = () => json("/page/lists");
export const state = (id) => json(list(id));
export const remove = (id) => ask(list(id), { method: "DELETE" });
export const keep = (id, on) => json(`${list(id)}/keep${on ? "" : "?kept=no"}`, { method: "POST" });
export const prospect = (id, choice, signal) => json(`${list(id)}/prospect?${new URLSearchParams(choice)}`, { signal });
export const rows = (id, first, signal) => json(`${list(id)}/rows?first=${first}`, { signal });
export const download = async (id, choice, kind) => (await ask(`${list(id)}/download?${new URLSearchParams({ ...choice, kind })}`)).blob();
export const leave = (id) => navigator.sendBeacon(`${list(id)}/leave`);
