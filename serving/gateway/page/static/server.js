// What the gateway is asked; an answer that is no success becomes an error in its words.
import { loggedOut } from "./session.js";

export class Refused extends Error {
  // field: what has to be corrected, by its name in the form; "" when it is nothing there.
  constructor(status, message, field = "") {
    super(message);
    Object.assign(this, { status, field });
  }

  // Whether the same may be taken later.
  get mayPass() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
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
    loggedOut();
    throw new Refused(401, "You are not logged in, or no longer.");
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, told.error || `The server answered ${answer.status}. Try again.`, told.field);
  }
  return answer;
}

const json = async (path, options) => (await ask(path, options)).json();
const list = (id) => `/page/lists/${encodeURIComponent(id)}`;

// What stands before the page, or a limit that was lowered meanwhile, speaks of bytes and options of a server.
async function upload(path, options) {
  try {
    return await json(path, { method: "POST", ...options });
  } catch (error) {
    if (error.status !== 413) throw error;
    throw new Refused(413, "The file is too large to be sent. Leave columns out that are not needed, or divide it.");
  }
}

export const send = (name, body, signal) => upload(`/page/lists?${new URLSearchParams({ name })}`, { body, signal });
export const kept = () => json("/page/lists");
export const state = (id) => json(list(id));
export const remove = (id) => ask(list(id), { method: "DELETE" });
export const keep = (id, on) => json(`${list(id)}/keep${on ? "" : "?kept=no"}`, { method: "POST" });
export const prospect = (id, choice, signal) => json(`${list(id)}/prospect?${new URLSearchParams(choice)}`, { signal });
export const rows = (id, choice, first) => json(`${list(id)}/rows?${new URLSearchParams({ ...choice, first })}`);
export const download = async (id, choice, kind) => (await ask(`${list(id)}/download?${new URLSearchParams({ ...choice, kind })}`)).blob();
export const leave = (id) => navigator.sendBeacon(`${list(id)}/leave`);

// Nobody knows of an upload whose answer is lost whether it was taken.
export async function outcomes(body) {
  try {
    return await upload("/page/outcomes", { body });
  } catch (error) {
    if (![0, 504].includes(error.status)) throw error;
    throw new Refused(error.status, "No answer came, so it is not known whether the outcomes are stored. Send the file again: nothing is counted twice.");
  }
}
