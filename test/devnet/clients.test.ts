/**
 * What the Rust CLI `aleph`, the Python client and the web console ask for (ccn.md §9, crn.md §2–§5), on the loopback
 * origin of every core node and every compute node: the clients drop a path from a base URL, so each has its own.
 */
import { describe, expect, it } from "vitest";
import { newWorld } from "../../devnet/new-world.ts";
import { CORE_HOSTS, CRN_LIST_HOST, ROSTER, SCHEDULER_HOSTS } from "../../devnet/roster.ts";
import type { JsonObject } from "../../devnet/wire.ts";
import { OWNER, STRANGER } from "./crn/scripted-core.ts";
import { NODE, Surface } from "./surface.ts";

const SCHEDULER = SCHEDULER_HOSTS[0] ?? "";
const SETTINGS = "0xFba561a84A537fCaa567bb7A2257e7142701ae2A";
const CHANNEL = "0xa1B3bb7d2332383D96b7796B908fB7f7F3c2Be10";

/** Loopback origin → host of the twin, as the start script makes them. */
const HOSTS = [...CORE_HOSTS, CRN_LIST_HOST, SCHEDULER, ...ROSTER.map((entry) => entry.spec.domain)];
const ORIGINS = Object.fromEntries(HOSTS.map((host, index) => [`127.0.0.1:${4101 + index}`, host]));
const originOf = (host: string) => Object.keys(ORIGINS).find((origin) => ORIGINS[origin] === host) ?? "";

/** Client, request, status, and a word that the answer must hold. `{vm}` is a machine that lives. */
const CORE_PATHS: readonly (readonly [client: string, line: string, status: number, holds: string])[] = [
  ["cli balance", `GET /api/v0/addresses/${OWNER}/balance`, 200, "credit_balance"],
  ["cli credits", `GET /api/v0/addresses/${OWNER}/credit_history/summary`, 200, "total_outgoing"],
  ["cli credits", `GET /api/v0/addresses/${OWNER}/credit_history?page=1&pagination=100`, 200, "credit_history"],
  ["cli authorizations", `GET /api/v0/aggregates/${OWNER}.json?keys=security`, 404, "No aggregate found"],
  ["cli prices", `GET /api/v0/aggregates/${SETTINGS}.json?keys=pricing`, 200, "compute_unit"],
  ["cli images", `GET /api/v0/aggregates/${SETTINGS}.json?keys=vm-images`, 200, "ubuntu24"],
  ["cli create", "POST /api/v0/messages", 422, ""],
  ["cli create", "GET /api/v0/messages/{vm}", 200, "processed"],
  ["cli list", `GET /api/v0/messages.json?msgType=INSTANCE&addresses=${OWNER}&cursor=&pagination=200`, 200, "{vm}"],
  ["cli list", `GET /api/v0/messages.json?msgType=INSTANCE&owners=${OWNER}&cursor=&pagination=200`, 200, "{vm}"],
  ["cli nodes", `GET /api/v0/aggregates/${CHANNEL}.json?keys=corechannel`, 200, "resource_nodes"],
  ["python", `GET /api/v0/aggregates/${SETTINGS}.json?keys=settings`, 200, "last_crn_version"],
  ["python", "GET /api/v0/messages.json?hashes={vm}", 200, "{vm}"],
  ["python", "GET /api/v0/messages/{vm}/status", 200, "processed"],
  ["python", "GET /api/v0/messages/{vm}/content", 200, "rootfs"],
  ["python", "GET /api/v0/price/{vm}", 200, "required_tokens"],
  ["python", "POST /api/v0/price/estimate", 500, ""],
  ["python", `GET /api/v0/posts.json?addresses=${OWNER}`, 200, "posts"],
  ["python", `GET /api/v1/posts.json?addresses=${OWNER}`, 200, "posts"],
  ["python", "GET /api/v0/version", 200, "version"],
  ["console", `GET /api/v0/costs?address=${OWNER}&include_details=1`, 200, "total_cost_credit"],
  ["console", `GET /api/v0/authorizations/granted/${OWNER}.json`, 200, "authorizations"],
  ["console", `GET /api/v0/authorizations/received/${STRANGER}.json`, 200, "authorizations"],
  ["console", "GET /api/v0/messages/{vm}/consumed_credits", 200, "consumed_credits"],
  ["console", "GET /api/v0/credit_balances", 200, OWNER],
  ["old clients", "POST /api/v0/ipfs/pubsub/pub", 422, ""],
  ["files", "POST /api/v0/storage/add_json", 422, ""],
  ["files", "GET /api/v0/storage/limits.json", 200, "max_file_size"],
];

const SCHEDULER_PATHS: typeof CORE_PATHS = [
  ["cli list", `GET /api/v1/vms?owner=${OWNER}&page_size=200&page=1`, 200, "{vm}"],
  ["dashboard", `GET /api/v1/vms?owners=${OWNER}`, 200, "{vm}"],
  ["cli delete", "GET /api/v1/vms/{vm}", 200, "allocated_node"],
  ["cli delete", "GET /api/v1/vms/{unknown}", 404, ""],
  ["cli show", `GET /api/v1/nodes/${ROSTER[0]?.spec.hash ?? ""}`, 200, "address"],
  ["dashboard", "GET /api/v1/nodes?page=1&page_size=50", 200, "pagination"],
  ["dashboard", "GET /api/v1/stats", 200, ""],
  ["anybody", "GET /health", 200, ""],
  ["console", "GET /api/v0/allocation/{vm}", 200, "vm_hash"],
];

const NODE_PATHS: typeof CORE_PATHS = [
  ["all", "GET /about/usage/system", 200, "available_kB"],
  ["all", "GET /status/config", 200, "DOMAIN_NAME"],
  ["all", "GET /status/check/ipv6", 200, "vm"],
  ["all", "GET /about/executions/list", 200, ""],
  ["all", "GET /v2/about/executions/list", 200, ""],
  ["scoring", "GET /about/login", 401, "success"],
  ["list server", "GET /about/capability", 200, "memory"],
  ["console", "POST /control/allocation/notify", 400, "JSON"],
  ["python", "POST /control/reserve_resources", 400, "X-SignedPubKey"],
  ...["stop", "reboot", "erase"].map(
    (verb) => ["all", `POST /control/machine/{vm}/${verb}`, 400, "X-SignedPubKey"] as const,
  ),
  ["all", "GET /control/machine/{vm}/logs", 400, "X-SignedPubKey"],
  ["python, a wrong path there too", "POST /control/{vm}/update", 404, ""],
];

function stage(): { readonly twin: Surface; readonly vm: string } {
  const twin = new Surface();
  const vm = twin.started();
  twin.turn("origins", ORIGINS);
  return { twin, vm };
}

describe("what other clients ask for", () => {
  const { twin, vm } = stage();
  const walk = (host: string, paths: typeof CORE_PATHS): readonly string[] =>
    paths.flatMap(([client, line, status, holds]) => {
      const asked = line.replace("{vm}", vm).replace("{unknown}", "0".repeat(64));
      const { status: given, body } = twin.ask(originOf(host), asked);
      const isRight = given === status && body.includes(holds.replace("{vm}", vm));
      return isRight ? [] : [`${client}: ${asked} gave ${given} ${body.slice(0, 80)}`];
    });

  it.each(CORE_HOSTS)("is there on the origin of %s", (host) => expect(walk(host, CORE_PATHS)).toEqual([]));

  it("is there on the scheduler's origin", () => expect(walk(SCHEDULER, SCHEDULER_PATHS)).toEqual([]));

  it.each(ROSTER.map((entry) => entry.spec.domain))("is there on the origin of %s", (host) => {
    const tooOld = ROSTER.find((entry) => entry.spec.domain === host)?.spec.version === "1.9.2";
    expect(walk(host, NODE_PATHS)).toEqual([]);
    expect(walk(host, [["backup", "GET /control/machine/{vm}/backup", tooOld ? 404 : 400, ""]])).toEqual([]);
  });

  it("is there on the list server's, with addresses that can be reached through loopback", () => {
    const { crns } = twin.read(originOf(CRN_LIST_HOST), "/crns.json?filter_inactive=true") as unknown as {
      readonly crns: readonly JsonObject[];
    };
    for (const { address } of crns) {
      const host = new URL(String(address)).host;
      expect(Object.keys(ORIGINS)).toContain(host);
      expect(twin.read(host, "/status/config")["DOMAIN_NAME"]).toBe("127.0.0.1");
    }
  });

  it("follows the way of the CLI to a machine: its row, its node, its list", () => {
    const row = twin.read(originOf(SCHEDULER), `/api/v1/vms/${vm}`);
    const node = twin.read(originOf(SCHEDULER), `/api/v1/nodes/${String(row["allocated_node"])}`);
    expect(node["address"]).toBe(`http://${originOf(NODE)}`);
    expect(Object.keys(twin.read(new URL(String(node["address"])).host, "/v2/about/executions/list"))).toEqual([vm]);
  });

  it("is not there on a host that nobody has given to the twin", () => {
    const world = newWorld(0);
    const request = { host: "127.0.0.1:1", method: "GET", path: "/version", headers: {}, body: "" };
    expect(world.handle(request, 0)).toMatchObject({ status: 530 });
  });
});
