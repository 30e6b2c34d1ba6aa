// Outcomes: a list comes back with what became of each customer.
import { inBytes, takeFiles } from "./drop.js";
import * as server from "./server.js";
import { whenLoggedOut } from "./session.js";
import { element, find, several, tell } from "./words.js";

let now = null; // the file that is sent, or was sent last

async function take(name, body) {
  const mine = (now = { name, body });
  for (const id of ["taken", "refused", "again"]) find(id).hidden = true;
  const most = Number(document.body.dataset.mostBytes);
  if (body.size > most) {
    refuse(`${name} has ${inBytes(body.size)}, and ${inBytes(most)} of outcomes are taken at once. Leave columns out that are not needed, or divide it.`);
    return;
  }
  tell("busy", `Sending ${name} …`);
  try {
    const taken = await server.outcomes(body);
    if (mine === now) confirm(name, taken);
  } catch (error) {
    if (mine === now) refuse(error.message, name, error.mayPass);
  }
  if (mine === now) tell("busy", "");
  find("file").value = ""; // the same file, corrected, can be chosen again
}

function confirm(name, taken) {
  const { outcomes, without_outcome: without, was_there_already: again } = taken;
  const lines = again
    ? [element("p", { className: "big" }, `${name} was here already: nothing was counted twice.`),
      element("p", {}, `It has ${several(outcomes, "row", "rows")} with an outcome. If you meant to send another list, look at its name.`)]
    : [element("p", { className: "big" }, element("strong", {}, several(outcomes, "outcome", "outcomes")), ` of ${name} ${outcomes === 1 ? "is" : "are"} stored.`)];
  if (without) {
    lines.push(element("p", {}, `${several(without, "row says", "rows say")} nothing yet. Send the list again when you know more; what is here already is not counted twice.`));
  }
  find("taken").replaceChildren(...lines);
  find("taken").hidden = false;
  find("taken").focus();
}

// The first line says what is wrong, and each further one names a row.
function refuse(message, name = "", mayPass = false) {
  const [first, ...rows] = message.split("\n");
  const told = [element("p", {}, name ? `${name}: ${first}` : first)];
  if (rows.length) {
    told.push(element("ul", {}, ...rows.map((row) => element("li", {}, row.trim()))));
    told.push(element("p", { className: "muted" }, "Rows are numbered as your spreadsheet numbers them; the column names are in row 1. Correct them, and send the file again."));
  }
  find("refused").replaceChildren(...told);
  for (const [id, shown] of [["refused", true], ["again", mayPass]]) find(id).hidden = !shown;
  find("refused").focus();
}

if (find("drop")) {
  takeFiles(take);
  find("again").addEventListener("click", () => take(now.name, now.body));
  whenLoggedOut(() => { now = null; find("again").hidden = true; tell("busy", ""); });
}
