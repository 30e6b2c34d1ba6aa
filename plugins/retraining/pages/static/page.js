// The buttons. Each opens a dialog that says what will happen, and then calls Airflow's own API as this user.
"use strict";
(() => {
  const airflow = document.body.dataset.airflow;
  const POLL_MS = 1500, FOLLOW_MS = 300000, ASK_MS = 180000;
  const CALL_MS = 60000; // a busy Airflow answers late, and who gave up on a change would not know whether it was made
  const SETTLE_MS = 5000; // Airflow fails a question that is answered before its scheduler has noted that it waits
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  const part = encodeURIComponent;

  async function call(method, path, body) {
    let answer;
    try {
      answer = await fetch(airflow + path, {
        method, credentials: "same-origin",
        headers: body ? { "Content-Type": "application/json", Accept: "application/json" } : { Accept: "application/json" },
        body: body ? JSON.stringify(body) : undefined,
        signal: AbortSignal.timeout(CALL_MS),
      });
    } catch { throw new Error("Airflow does not answer. Nothing may have happened: look at the DAG before you repeat it."); }
    if (answer.status === 401) throw new Error("Your session has ended. Log in to Airflow again.");
    if (answer.status === 403) throw new Error("Airflow does not let you do this.");
    const content = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      const detail = typeof content.detail === "string" ? content.detail : JSON.stringify(content.detail ?? "");
      throw new Error(`Airflow refused it (${answer.status}). ${detail.slice(0, 300)}`);
    }
    return content;
  }

  function runLink(dag, run) {
    const link = document.createElement("a");
    link.href = `${airflow}/dags/${part(dag)}/runs/${part(run)}`;
    link.dataset.airflow = "";
    link.textContent = "See the run";
    return link;
  }

  function tell(form, text, tone, link) {
    const place = form.querySelector(".progress");
    place.className = `progress ${tone}`;
    place.replaceChildren(text, ...(link ? [" ", link] : []));
  }

  function confOf(form) {
    const conf = {};
    for (const field of form.elements) {
      if (!field.name) continue;
      if (field.type === "checkbox") { if (field.checked) conf[field.name] = true; }
      else if (field.value !== "") conf[field.name] = field.dataset.type === "integer" ? Number(field.value) : field.value.trim();
    }
    return conf;
  }

  async function follow(form, dag, run) {
    const end = Date.now() + FOLLOW_MS;
    while (Date.now() < end) {
      let state = "";
      try { ({ state } = await call("GET", `/api/v2/dags/${part(dag)}/dagRuns/${part(run)}`)); }
      catch { tell(form, "It was started. Airflow does not answer at the moment …", "busy", runLink(dag, run)); await sleep(POLL_MS); continue; }
      if (state === "success") return true;
      if (state === "failed") { tell(form, "It failed, and its log says why. What served before still serves.", "bad", runLink(dag, run)); return false; }
      tell(form, state === "running" ? "It runs …" : "It waits for the scheduler …", "busy", runLink(dag, run));
      await sleep(POLL_MS);
    }
    tell(form, "It has not ended yet.", "warning", runLink(dag, run));
    return false;
  }

  async function trigger(form) {
    const dag = form.dataset.dag;
    const { is_paused: paused } = await call("GET", `/api/v2/dags/${part(dag)}`);
    if (paused) throw new Error(`The DAG ${dag} is paused, and a run would only wait. Switch it on first.`);
    const { dag_run_id: run } = await call("POST", `/api/v2/dags/${part(dag)}/dagRuns`, { logical_date: null, conf: confOf(form) });
    if (!("follow" in form.dataset)) { tell(form, `Started: ${run}.`, "good", runLink(dag, run)); return false; }
    return follow(form, dag, run);
  }

  const QUESTIONS = "/api/v2/dags/customer_approval/dagRuns/~/hitlDetails?response_received=false&limit=100&order_by=-created_at";

  // The question about exactly these bytes: an older one of the same run is about another candidate.
  async function openQuestion(candidate) {
    const { hitl_details: found } = await call("GET", QUESTIONS);
    return found.find((one) => one.params?.candidate?.value === candidate);
  }

  async function answer(form, { run, candidate }) {
    let question = await openQuestion(candidate);
    if (!question) {
      tell(form, "Airflow has not asked about it yet; it is asked now …", "busy");
      await call("POST", "/api/v2/dags/customer_approval/dagRuns", { logical_date: null, conf: { run, what: "promotion" } });
      const end = Date.now() + ASK_MS;
      while (!question && Date.now() < end) { await sleep(POLL_MS); question = await openQuestion(candidate); }
      if (!question) throw new Error("The question did not open. Look at the DAG customer_approval.");
      await sleep(SETTLE_MS);
    }
    const task = question.task_instance;
    const path = `/api/v2/dags/${part(task.dag_id)}/dagRuns/${part(task.dag_run_id)}/taskInstances/${part(task.task_id)}/${task.map_index}/hitlDetails`;
    const params = { reason: form.elements.reason.value.trim(), candidate };
    await call("PATCH", path, { chosen_options: [form.dataset.answer], params_input: params });
    return follow(form, task.dag_id, task.dag_run_id);
  }

  async function submit(event, given) {
    event.preventDefault();
    const form = event.target, button = form.querySelector("[type=submit]");
    if (button.disabled) return;
    button.disabled = true;
    form.setAttribute("aria-busy", "true");
    tell(form, "Asking Airflow …", "busy");
    try {
      if (await ("answer" in form.dataset ? answer(form, given) : trigger(form))) {
        tell(form, "Done. The page is read again …", "good");
        await sleep(800);
        location.reload();
        return;
      }
    } catch (error) {
      tell(form, error.message, "bad");
      button.disabled = false;
    }
    form.removeAttribute("aria-busy");
    form.querySelector("[data-close]").textContent = "Close";
  }

  for (const opener of document.querySelectorAll("button[data-dialog]")) {
    const dialog = document.getElementById(opener.dataset.dialog);
    opener.disabled = false;
    opener.addEventListener("click", () => {
      const form = dialog.querySelector("form");
      form.reset();
      form.querySelector("[type=submit]").disabled = false;
      form.querySelector("[data-close]").textContent = "Cancel";
      tell(form, "", "");
      for (const place of dialog.querySelectorAll("[data-fill]")) place.textContent = opener.dataset[place.dataset.fill];
      for (const field of dialog.querySelectorAll("[data-from]")) field.value = opener.dataset[field.dataset.from];
      form.onsubmit = (event) => submit(event, { ...opener.dataset });
      dialog.showModal();
      form.querySelector("input[type=text], select")?.focus();
    });
    dialog.querySelector("[data-close]").onclick = () => dialog.close();
  }

  // Inside Airflow a link to another of its pages moves Airflow itself; this frame may not navigate it, its router may.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-airflow]");
    if (!link || window.parent === window || event.ctrlKey || event.metaKey) return;
    try {
      window.parent.history.pushState({}, "", link.href);
      window.parent.dispatchEvent(new window.parent.PopStateEvent("popstate", { state: {} }));
      event.preventDefault();
    } catch { /* another origin frames the page; the link works as any other */ }
  });
})();
