/** The control page's script, as text: it draws the state once a second and posts what its forms and buttons say. */
export const CONTROL_SCRIPT = String.raw`
const $ = (id) => document.getElementById(id);
const short = (hash) => hash ? hash.slice(0, 10) + "…" : "–";
const FLAGS = ["down", "hang", "html502", "full", "aiohttp38", "drop_networking", "lose_forwards", "qemu"];
const FIELDS = { reject_notify: "reject notify with", fail_boot: ["none", "prepare", "start"], lie: ["none", "running", "stopped"],
  vanish_after_ms: "vanish after ms", download_ms: "download ms", start_ms: "start ms", ssh_after_ms: "SSH after ms", clock_skew_ms: "clock skew ms", domain_name: "DOMAIN_NAME",
  operation_ms: "operations take ms", claim_cores: "claims cores", claim_memory_mib: "claims MiB", claim_disk_mib: "claims disk MiB", claim_hash: "claims hash", claim_version: "claims version" };
let drawn = "";

async function call(name, body) {
  const response = await fetch("/__twin/api/" + name, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) });
  const answer = await response.json();
  $("said").textContent = response.ok ? "Done: " + name : name + ": " + answer.error;
  $("said").className = response.ok ? "good" : "bad";
  if (!response.ok) throw new Error(answer.error);
  drawn = "";
  await draw();
  return answer;
}

function element(tag, content, attributes = {}) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) name.startsWith("on") ? made.addEventListener(name.slice(2), value) : made.setAttribute(name, value);
  for (const part of [content].flat()) made.append(part);
  return made;
}
const button = (label, act) => element("button", label, { type: "button", onclick: () => act().catch(() => {}) });
const row = (...cells) => element("tr", cells.map((cell) => element("td", cell)));

function coreRow(core, index) {
  const state = [core.down ? element("span", "down", { class: "bad" }) : element("span", "up", { class: "good" })];
  if (core.lie) state.push(" ", element("code", JSON.stringify(core.lie)));
  const balances = core.balances.map((one) => element("div", [element("code", one.address), " " + Number(one.credits).toLocaleString("en")]));
  const counts = Object.entries(core.messages_by_status).filter(([, count]) => count > 0).map(([status, count]) => count + " " + status).join(", ") || "none";
  const acts = [button(core.down ? "Bring up" : "Take down", () => call("core", { core: index, down: !core.down })), " ",
    button(core.deaf ? "Let it hear" : "Deafen", () => call("core", { core: index, deaf: !core.deaf })), " ",
    button("Removal job", () => call("core-job", { core: index, job: "removal" })), " ",
    button("Collect garbage", () => call("core-job", { core: index, job: "garbage" })), " ", button("Restart", () => call("core-job", { core: index, job: "restart" }))];
  return row([core.host], state, counts, balances, acts);
}

function nodeRow(node) {
  const set = (knobs) => call("node", { node: node.hash, knobs });
  const flags = FLAGS.map((name) => {
    const box = element("input", [], { type: "checkbox", onchange: () => set({ [name]: box.checked }).catch(() => {}) });
    box.checked = node.knobs[name];
    return element("label", [box, " " + name + " "]);
  });
  const fields = Object.entries(FIELDS).map(([name, label]) => field(node, name, label, set));
  const machines = node.vms.map((vm) => element("div", [
    element("code", short(vm.hash), { title: vm.hash }), vm.running ? element("span", " running ", { class: "good" }) : " booting ", element("code", short(vm.owner), { title: vm.owner }), " ",
    button("Crash", () => call("crash", { node: node.hash, hash: vm.hash }))]));
  const size = node.cores + " cores, " + Math.round(node.memory_mib / 1024) + " GiB" + (node.gpus.length ? ", " + node.gpus.join(", ") : "");
  const more = element("details", [element("summary", "more"), element("div", fields, { class: "row" })]);
  return row([element("div", node.name), element("code", node.domain)], [node.version, element("div", size)], machines.length ? machines : "none", [element("div", flags), more]);
}

function field(node, name, label, set) {
  const value = node.knobs[name];
  if (Array.isArray(label)) {
    const choice = element("select", label.map((one) => element("option", one)), { onchange: () => set({ [name]: choice.value }).catch(() => {}) });
    choice.value = value;
    return element("label", [name + " ", choice]);
  }
  const numeric = typeof value === "number";
  const input = element("input", [], { type: numeric ? "number" : "text", value, size: 10, onchange: () => set({ [name]: numeric ? Number(input.value) : input.value }).catch(() => {}) });
  return element("label", [label + " ", input]);
}

async function draw() {
  const response = await fetch("/__twin/api/state");
  const state = await response.json();
  $("now").textContent = state.clock.now;
  $("offset").textContent = state.clock.offset_ms > 0 ? "ahead of this machine by " + Math.round(state.clock.offset_ms / 1000).toLocaleString("en") + " s" : "in step with this machine";
  const { clock, ...rest } = state;
  const text = JSON.stringify(rest, null, 2);
  // A field that is being filled in is not drawn over.
  if (text === drawn || (document.activeElement && $("nodes").contains(document.activeElement))) return;
  drawn = text;
  const open = [...document.querySelectorAll("#nodes details")].map((one) => one.open);
  $("cores").replaceChildren(...state.cores.map(coreRow));
  $("nodes").replaceChildren(...state.nodes.map(nodeRow));
  document.querySelectorAll("#nodes details").forEach((one, index) => { one.open = open[index] ?? false; });
  $("faults").replaceChildren(...state.faults.map((fault) => element("li", [element("code", JSON.stringify(fault)), " ", button("Clear", () => call("fault-clear", { id: fault.id }))])));
  $("vms").replaceChildren(...state.scheduler.vms.map((vm) => row(element("code", short(vm.vm_hash), { title: vm.vm_hash }), element("code", short(vm.owner), { title: vm.owner }), vm.status, short(vm.allocated_node), vm.observed_nodes.map(short).join(", ") || "–")));
  $("dispatch").replaceChildren(button(state.scheduler.dispatch ? "Stop dispatching" : "Dispatch again", () => call("scheduler", { dispatch: !state.scheduler.dispatch })));
  $("raw").textContent = text;
  for (const input of document.querySelectorAll('input[name="address"]')) if (input.value === "") input.value = state.dev_wallet;
}

async function advance(seconds) {
  const clock = await (await fetch("/__twin/api/clock")).json();
  await call("advance", { to_ms: clock.now_ms + seconds * 1000 });
}

function valueOf(input) {
  if (input.hasAttribute("data-json")) return JSON.parse(input.value || "null");
  return input.type === "number" || input.hasAttribute("data-number") ? Number(input.value) : input.value;
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const fields = [...form.elements].filter((one) => one.name);
  const name = form.dataset.call;
  try { call(name, Object.fromEntries(fields.map((one) => [one.name, valueOf(one)]))).catch(() => {}); }
  catch { $("said").textContent = name + ": that is not JSON"; $("said").className = "bad"; }
});
document.addEventListener("click", (event) => {
  const seconds = Number(event.target.dataset?.advance);
  if (seconds > 0) advance(seconds).catch(() => {});
});
$("reset").addEventListener("click", () => { if (confirm("Forget every message, machine and credit of this network?")) call("reset").catch(() => {}); });
draw();
setInterval(() => draw().catch(() => { $("said").textContent = "The twin does not answer."; $("said").className = "bad"; }), 1000);
`;
