"use strict";
// Everything that comes from the model is put into the page as text, never as markup.

const at = (id) => document.getElementById(id);
let key = "";
let model = null; // what GET /model answered last
let controls = []; // one per feature, in the order of the signature

function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// --- asking the service -------------------------------------------------------------------------
async function ask(path, row) {
  const headers = { ...(key && { Authorization: `Bearer ${key}` }), ...(row && { "Content-Type": "application/json" }) };
  const request = { headers, cache: "no-store", ...(row && { method: "POST", body: JSON.stringify(row) }) };
  const response = await fetch(path, request).catch(() => null);
  if (!response) return { status: 0, failed: { message: "The service did not answer. Is it still running?" } };
  const { status } = response;
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return { status, answer };
  const failed = answer?.error ?? { message: `The service answered with status ${status}.` };
  return { status, failed, request_id: answer?.request_id };
}

// --- the champion -------------------------------------------------------------------------------
const moment = (text) => `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`;

function showFacts() {
  const { use_case, reason, data_version, manifest } = model;
  const facts = {
    use_case, reason, data_version, since: moment(model.since), created: moment(model.created),
    decision: manifest.decision.reason, estimator: manifest.estimator, classes: model.classes.map(String).join(", "),
  };
  for (const [name, value] of Object.entries(facts)) document.querySelector(`[data-fact="${name}"]`).textContent = value;
  at("decision").hidden = facts.decision === facts.reason;
  at("title").textContent = `Model version ${model.model_version}`;
  document.title = `${model.use_case}, model version ${model.model_version}`;
  at("scores").replaceChildren(...Object.entries(model.scores).map(([name, value]) =>
    make("tr", {},
      make("th", { scope: "row", textContent: name === model.metric ? `${name} (decides)` : name }),
      make("td", { className: "number", textContent: typeof value === "number" ? value.toFixed(4) : "" }))));
  at("champion").hidden = false;
}

async function load() {
  const { status, answer, failed } = await ask("model");
  at("again").hidden = status === 200 || status === 401;
  if (status === 200) show(answer);
  else if (status === 401) askForKey(key ? failed.message : "");
  else complain(failed.message);
}

function show(answer) {
  const entered = new Map(controls.map(({ feature, input }) => [feature.name, input.value]));
  model = answer;
  showFacts();
  quiet();
  build(entered);
  at("key-form").hidden = true;
  at("row").hidden = at("answer").hidden = false;
}

async function noticeSwap(version) {
  if (version === undefined || version === model.model_version) return;
  const before = model.model_version;
  const { answer } = await ask("model");
  if (answer) show(answer);
  at("notice").replaceChildren(make("p", {
    className: "notice news",
    textContent: `The champion was replaced while this page was open: version ${before} made way for version ${version}. `
      + "What you see is about the new one.",
  }));
}

function askForKey(message) {
  at("key-form").hidden = false;
  at("key-error").textContent = message;
  at("key").setAttribute("aria-invalid", String(Boolean(message)));
  if (message) at("key").focus();
}

function useKey(given) {
  if (!/^[\x21-\x7e]+$/.test(given)) {
    return askForKey("Found no key that can be sent, expected one of ASCII characters without blanks.");
  }
  key = given;
  load();
}

// --- the form -----------------------------------------------------------------------------------
const DAY = 86400000;
const asRange = (value) => String(Number(value.toPrecision(7)));
const asMoment = (days) => new Date(days * DAY).toISOString().slice(0, 16).replace("T", " ");
const range = ({ minimum, maximum }, write) =>
  typeof minimum === "number" && typeof maximum === "number" ? `; ${write(minimum)} to ${write(maximum)} in training` : "";
const option = (value, textContent = value) => make("option", { value, textContent });

const KINDS = {
  numeric: {
    make: () => make("input", { type: "number", step: "any", autocomplete: "off" }),
    hint: (f) => `${/^(timedelta|duration)/.test(f.dtype) ? "seconds" : "a number"}${range(f, asRange)}`,
    read: (value) => Number(value),
  },
  categorical: {
    make: () => make("input", { type: "text", autocomplete: "off", spellcheck: false }),
    hint: ({ categories }) => "text; " +
      (categories?.length > 6 ? `${categories.length} categories in training` : `in training ${(categories ?? []).join(", ")}`),
    read: (value) => value,
  },
  boolean: {
    make: (f) => make("select", {}, option("true"), option("false"), ...(f.nullable ? [option("", "missing")] : [])),
    hint: () => "true or false",
    read: (value) => value === "true",
  },
  datetime: {
    make: () => make("input", { type: "datetime-local", step: "1" }),
    hint: (f) => `date and time in UTC${range(f, asMoment)}`,
    read: (value) => `${value}${value.length === 16 ? ":00" : ""}Z`,
    fill: (moment) => moment.slice(0, 19), // of 2026-01-31T12:00:00Z
  },
};

function build(entered) {
  controls = model.signature.map((feature, number) => {
    const kind = KINDS[feature.kind];
    const id = `field-${number}`;
    const input = Object.assign(kind.make(feature), { id, required: !feature.nullable });
    input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
    const error = make("p", { className: "error", id: `${id}-error` });
    const hint = kind.hint(feature) + (feature.nullable ? "; may be missing" : "");
    const field = make("div", { className: "field" }, make("label", { htmlFor: id, textContent: feature.name }),
      input, make("p", { className: "hint", id: `${id}-hint`, textContent: hint }), error);
    if (feature.kind === "categorical") {
      input.setAttribute("list", `${id}-list`);
      field.append(make("datalist", { id: `${id}-list` }, ...(feature.categories ?? []).map((value) => make("option", { value }))));
    }
    return { feature, kind, input, error, field };
  });
  at("fields").replaceChildren(...controls.map((control) => control.field));
  fillIn();
  for (const { feature, input } of controls) input.value = entered.get(feature.name) ?? input.value;
}

function fillIn() {
  for (const { feature, kind, input } of controls) input.value = (kind.fill ?? String)(model.example[feature.name]);
}

function read() {
  const row = Object.create(null); // so that no feature name means anything else
  for (const { feature, kind, input } of controls) {
    if (input.validity.badInput) return complain("Found no number that could be read, expected one.", feature.name);
    row[feature.name] = input.value === "" ? null : kind.read(input.value);
  }
  return row;
}

async function predict() {
  quiet();
  const row = read();
  if (!row) return;
  at("predict").setAttribute("aria-disabled", "true"); // a button that is disabled would lose the focus
  const { status, answer, failed, request_id } = await ask("predict", row);
  at("predict").removeAttribute("aria-disabled");
  if (answer) {
    await noticeSwap(answer.model_version);
    return showAnswer(answer);
  }
  if (status === 401) return askForKey(failed.message);
  if (status === 422) await noticeSwap((await ask("model")).answer?.model_version);
  complain(failed.message, failed.field, request_id);
}

// --- what came of it ----------------------------------------------------------------------------
function quiet() {
  at("alert").hidden = true;
  at("told").replaceChildren(make("p", { className: "small", textContent: "Nothing asked yet." }));
  at("notice").replaceChildren();
  for (const { input, error } of controls) {
    input.removeAttribute("aria-invalid");
    error.textContent = "";
  }
}

function complain(message, field, request_id) {
  const wrong = controls.find((control) => control.feature.name === field);
  if (wrong) {
    wrong.error.textContent = message;
    wrong.input.setAttribute("aria-invalid", "true");
    return wrong.input.focus();
  }
  at("alert").textContent = request_id ? `${message} (request ${request_id})` : message;
  at("alert").hidden = false;
  at("alert").focus();
}

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.001 ? 3 : 1)} %`;

function bar([label, share]) {
  const filled = make("div");
  filled.style.width = `${100 * share}%`;
  return make("li", {}, make("span", { textContent: label }), make("span", { className: "share", textContent: percent(share) }),
    make("div", { className: "track", ariaHidden: "true" }, filled));
}

function showAnswer(answer) {
  const [{ probabilities, warnings, ...answered }] = answer.predictions; // what else there is, its task says
  const ordered = Object.entries(probabilities ?? {}).sort((a, b) => b[1] - a[1]);
  at("told").replaceChildren(
    make("p", { className: "label", textContent: Object.values(answered).join(", ") }),
    probabilities ? make("ul", { className: "bars", ariaLabel: "Probabilities" }, ...ordered.map(bar))
      : make("p", { textContent: probabilities === null ? "This estimator gives no probabilities." : "" }),
    ...(warnings.length ? [make("div", { className: "notice" }, make("strong", { textContent: "Warnings" }),
      make("ul", {}, ...warnings.map((textContent) => make("li", { textContent }))))] : []),
    make("p", { className: "small", textContent: `Answered by model version ${answer.model_version}, data version `
      + `${answer.data_version}, request ${answer.request_id}.` }));
  at("answer").scrollIntoView({ block: "nearest" });
}

at("row").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!at("predict").hasAttribute("aria-disabled")) predict();
});
at("key-form").addEventListener("submit", (event) => { event.preventDefault(); useKey(at("key").value.trim()); });
at("example").addEventListener("click", () => { quiet(); fillIn(); });
at("again").addEventListener("click", load);
if (document.body.dataset.key === "asked") askForKey("");
else load();
