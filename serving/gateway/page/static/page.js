// The page from the file to the list.
import * as choice from "./choice.js";
import { inBytes, takeFiles } from "./drop.js";
import * as file from "./file.js";
import { showKept } from "./kept.js";
import * as list from "./list.js";
import * as server from "./server.js";
import { whenLoggedOut } from "./session.js";
import { find, several, tell } from "./words.js";

const POLL_MS = 300, SETTLE_MS = 250;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const empty = () => ({ id: null, state: null, told: null, choice: null, first: 1, sending: null, asked: null, sent: null });
let now = empty();

// From nothing to a file.

async function take(name, body) {
  await leave();
  const mine = (now = { ...empty(), sending: new AbortController(), sent: { name, body } });
  tell("refused", "");
  if (body.size > Number(document.body.dataset.mostBytes)) {
    tell("refused", `${name} has ${inBytes(body.size)}, and ${inBytes(Number(document.body.dataset.mostBytes))} may be sent at once. Leave columns out that are not needed, save a workbook instead of a CSV, or divide it.`);
    return;
  }
  show("work");
  find("work-title").textContent = name;
  find("work-title").focus();
  file.showProgress({ state: "sending" });
  try {
    mine.id = (await server.send(name, body, mine.sending.signal)).id;
  } catch (error) {
    if (mine === now && error.name !== "AbortError") failed(error.message, error.mayPass);
    return;
  }
  if (mine !== now) server.leave(mine.id); // cancelled while it was sent
  else follow(mine);
}

async function open(id) {
  await leave();
  const mine = (now = { ...empty(), id });
  show("work");
  find("work-title").focus();
  follow(mine);
}

async function follow(mine) {
  let chooses = false, unanswered = 0;
  while (mine === now) {
    try {
      mine.state = await server.state(mine.id);
      unanswered = 0;
    } catch (error) {
      if (mine !== now) return;
      if (error.status === 429) { await sleep(1000); continue; } // a token that may ask only rarely
      if (error.status || (unanswered += 1) > 20) return failed(error.message, error.mayPass);
      await sleep(POLL_MS * unanswered);
      continue;
    }
    if (mine !== now) return;
    const { state, facts, ranked, error, may_pass: mayPass } = mine.state;
    find("work-title").textContent = mine.state.name;
    file.showProgress(mine.state);
    if (state === "failed") return failed(error, mayPass);
    if (facts) seen(mine, facts);
    if (ranked && !chooses) {
      chooses = true;
      begin(mine);
    } else if (chooses) {
      await more(mine);
    }
    if (state === "done") return;
    await sleep(POLL_MS);
  }
}

// What is read just now is not drawn anew as long as it says the same.
function seen(mine, facts) {
  find("facts").hidden = false;
  const said = JSON.stringify(facts);
  if (said === mine.said) return;
  mine.said = said;
  tell("sample", facts.is_sample ? `SAMPLE: version ${facts.version} was trained on made-up customers. Nothing here says anything about real ones.` : "");
  file.showFacts(facts);
}

// What may pass can be tried again with the same file, as long as this page has it.
function failed(message, mayPass = false) {
  show("work");
  for (const id of ["progress", "facts"]) find(id).hidden = true;
  tell("failure", message);
  find("retry").hidden = !(mayPass && now.sent);
}

function show(...sections) {
  for (const id of ["give", "kept", "work", "choose", "expect", "list"]) find(id).hidden = !sections.includes(id);
  if (sections.includes("work")) {
    tell("failure", "");
    find("retry").hidden = true;
    find("facts").hidden = find("facts").hidden || sections.length === 1;
  }
}

async function leave() {
  const { id, sending } = now;
  now = empty();
  sending?.abort();
  if (id) server.leave(id);
  tell("sample", "");
}

async function home() {
  await leave();
  show("give");
  tell("refused", "");
  find("file").value = "";
  find("pasted").value = "";
  await showKept(open, () => now.id === null && !now.sending).catch(() => {});
}

// From a file to a list.

function begin(mine) {
  const { facts, ending, kept } = mine.state;
  choice.prepare(facts);
  show("work", "choose");
  find("facts").hidden = false;
  find("keep").checked = kept;
  find("keep").disabled = false;
  for (const button of document.querySelectorAll("[data-kind]")) button.className = button.dataset.kind === ending ? "primary" : "";
  tell("told", "");
  find("told").hidden = false;
  choice.refuse(null, false);
  ask();
}

let settling;

async function ask() {
  const mine = now;
  clearTimeout(settling); // what was typed just before is asked for here
  mine.asked?.abort();
  const asked = (mine.asked = new AbortController()), wanted = choice.chosen();
  try {
    const told = await server.prospect(mine.id, wanted, asked.signal);
    if (mine !== now || asked !== mine.asked) return;
    choice.refuse(null, false);
    for (const id of ["expect", "list"]) find(id).hidden = false;
    Object.assign(mine, { told, choice: wanted, first: 1 });
    choice.showProspect(told);
    for (const button of document.querySelectorAll("[data-kind]")) button.disabled = !told.count;
    await turn(mine, 1);
  } catch (error) {
    if (error.name === "AbortError" || mine !== now) return;
    if (error.status === 404) failed(error.message);
    else choice.refuse(error, Boolean(mine.told)); // the list before stays, and so does what is downloaded
  }
}

async function turn(mine, first) {
  const turn = (mine.turns = (mine.turns ?? 0) + 1);
  mine.wanted = first;
  const found = await server.rows(mine.id, mine.choice, first);
  if (mine !== now || turn < (mine.shown ?? 0)) return; // rows that were asked for earlier have come later
  Object.assign(mine, { first, shown: turn });
  const shown = list.showRows(found, mine.state.facts);
  mine.lacking = shown.some((row) => !row.reasons && row.place <= mine.state.facts.most_explained);
  list.showRange(first, shown.length, mine.told.count);
  list.showExplaining(mine.state, mine.told.count);
}

async function browse(first) {
  const mine = now;
  try {
    await turn(mine, first);
  } catch (error) {
    if (mine !== now) return;
    if (error.status === 404) failed(error.message);
    else find("told").textContent = error.message;
  }
}

// Reasons come after everything else: the rows that lack some are asked for again.
async function more(mine) {
  if (!mine.told) return;
  list.showExplaining(mine.state, mine.told.count);
  if (mine.lacking) await turn(mine, mine.wanted).catch(() => {});
}

async function download(kind) {
  const mine = now, { told, state } = mine;
  const buttons = [...document.querySelectorAll("[data-kind]")];
  buttons.forEach((button) => { button.disabled = true; });
  find("told").textContent = state.state === "done" ? `Writing ${several(told.count, "customer", "customers")} …` : "Waiting for the last reasons, then writing …";
  try {
    const blob = await server.download(mine.id, mine.choice, kind);
    if (mine !== now) return;
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: `${state.name.replace(/\.[^.]*$/, "")}-best-${told.count}.${kind}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    find("told").textContent = `${link.download} is downloaded: ${several(told.count, "customer", "customers")}, best first.`;
  } catch (error) {
    if (mine === now) find("told").textContent = error.message;
  }
  buttons.forEach((button) => { button.disabled = false; });
}

async function keep(event) {
  const mine = now, box = event.target, wanted = box.checked;
  box.disabled = true;
  find("told").textContent = wanted ? "Keeping the list …" : "";
  try {
    await server.keep(mine.id, wanted);
    if (mine === now) find("told").textContent = wanted ? "The file is kept with its scores. You find it on this page when you come back." : "The file is no longer kept.";
  } catch (error) {
    box.checked = !wanted;
    if (mine === now) find("told").textContent = error.message;
  }
  box.disabled = false;
}

// What a person does.

takeFiles(take);
find("paste-open").addEventListener("click", (event) => {
  const form = find("paste");
  form.hidden = !form.hidden;
  event.target.setAttribute("aria-expanded", String(!form.hidden));
  if (!form.hidden) find("pasted").focus();
});
find("paste").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = find("pasted").value;
  if (text.trim()) take("pasted rows.csv", new Blob([text]));
});
for (const id of ["another", "cancel"]) find(id).addEventListener("click", async () => { await home(); find("file").focus(); });
find("choice").addEventListener("input", () => { choice.adapt(); clearTimeout(settling); settling = setTimeout(ask, SETTLE_MS); });
find("control-usual").addEventListener("click", () => { find("control").value = "5"; ask(); });
find("choice").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
find("before").addEventListener("click", () => browse(Math.max(1, now.first - list.ROWS_OF_A_PAGE)));
find("after").addEventListener("click", () => browse(now.first + list.ROWS_OF_A_PAGE));
for (const button of document.querySelectorAll("[data-kind]")) button.addEventListener("click", () => download(button.dataset.kind));
find("keep").addEventListener("change", keep);
find("retry").addEventListener("click", () => take(now.sent.name, now.sent.body));
whenLoggedOut(() => { now.sending?.abort(); now.asked?.abort(); now = empty(); tell("sample", ""); });
addEventListener("pagehide", () => { if (now.id) server.leave(now.id); });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
home();
