/** The page at `/__twin`: plain HTML and script, no dependencies; it draws `/__twin/api/state` and sends its calls. */
import { CONTROL_SCRIPT } from "./control-script.ts";
import { DISTORTIONS } from "./distortion.ts";
import { LINE_FAULTS } from "./faults.ts";

const STYLE = `
:root { color-scheme: light dark; font: 14px/1.45 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem 1.25rem 4rem; }
h1 { font-size: 1.25rem; } h2 { font-size: 1rem; margin-top: 2rem; }
p.note { max-width: 52rem; color: GrayText; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem .3rem 0; vertical-align: top; border-bottom: 1px solid color-mix(in srgb, CanvasText 15%, Canvas); }
th { font-weight: 600; } code { font-size: .92em; } .bad { color: #c33; font-weight: 600; } .good { color: #2a7d46; }
form, .row { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; margin: .4rem 0; }
input, select, button { font: inherit; padding: .2rem .45rem; } input.wide { width: 26rem; max-width: 100%; }
details > summary { cursor: pointer; } pre { overflow: auto; max-height: 24rem; }
`;

const BODY = `
<h1>The network twin</h1>
<p class="note">A whole Aleph network on this machine: three core nodes, compute nodes, scheduler, credit clock. Nothing here is real and no money is at stake. What you change takes effect at once and survives a restart.</p>
<p id="said" role="status"></p>

<h2>Clock</h2>
<div class="row"><strong id="now"></strong><span id="offset"></span></div>
<div class="row" id="steps">
  <button data-advance="60">+ 1 minute</button><button data-advance="600">+ 10 minutes</button>
  <button data-advance="3600">+ 1 hour</button><button data-advance="14400">+ 4 hours</button><button data-advance="86400">+ 1 day</button>
</div>
<p class="note">Time moves from one due event to the next, never in one leap; it cannot be turned back.</p>

<h2>Core nodes</h2>
<table><thead><tr><th>host</th><th>state</th><th>messages</th><th>balances (credits)</th><th></th></tr></thead><tbody id="cores"></tbody></table>
<form data-call="grant"><strong>Grant</strong><input class="wide" name="address" placeholder="address" required><input name="credits" type="number" value="1000000" min="1" required><button>Grant credits</button></form>
<form data-call="take"><strong>Take</strong><input class="wide" name="address" placeholder="address" required><input name="credits" type="number" value="1000000" min="1" required><button>Take credits</button></form>
<form data-call="price"><strong>Price</strong><select name="entity"><option>instance</option><option>instance_gpu_standard</option><option>instance_gpu_premium</option></select><input name="credits_per_cu_hour" value="14250" required><span>credits per CU and hour</span><button>Set</button></form>
<form data-call="core"><strong>Lie</strong><select name="core" data-number><option value="0">core 1</option><option value="1">core 2</option><option value="2">core 3</option></select><input class="wide" name="lie" data-json placeholder='JSON, or null for the truth'><button>Set</button></form>

<h2>Compute nodes</h2>
<table><thead><tr><th>node</th><th>version, size</th><th>machines</th><th>misbehaviour</th></tr></thead><tbody id="nodes"></tbody></table>

<h2>Faults on the wire</h2>
<form data-call="fault"><select name="kind">${[...LINE_FAULTS, ...DISTORTIONS].map((kind) => `<option>${kind}</option>`).join("")}</select>
<input name="host" placeholder="host, cores, nodes (empty: every one)"><input name="method" placeholder="method" size="6"><input name="path_prefix" value="/"><label>next <input name="remaining" type="number" value="1" style="width:4rem"> requests</label><label>delay ms <input name="delay_ms" type="number" value="0" style="width:6rem"></label><label>status <input name="status" type="number" value="503" style="width:5rem"></label><button>Add</button></form>
<ul id="faults"></ul>

<h2>Scheduler</h2>
<table><thead><tr><th>instance</th><th>owner</th><th>status</th><th>allocated</th><th>observed</th></tr></thead><tbody id="vms"></tbody></table>
<div class="row" id="dispatch"></div>

<h2>All of it</h2>
<details><summary>State as JSON</summary><pre id="raw"></pre></details>
<div class="row"><button id="reset">Start the network anew</button></div>
`;

export const CONTROL_PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Network twin</title><style>${STYLE}</style></head><body>${BODY}<script>${CONTROL_SCRIPT}</script></body></html>`;
