/** Plays an agent: the official MCP client over streamable HTTP, and what it says made readable. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

/** What the agents of the scripts ask for: the smallest tier. The key is real, nobody here has its other half. */
export const SHAPE = {
  cpu: 1,
  ram_gb: 2,
  disk_gb: 20,
  os_image: "ubuntu24",
  ssh_pubkey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqfXyBCWJkqVJZC6cUfWdTr2bGuVsuyFZR1MFIqHGlC",
};

export type Said = { readonly [key: string]: unknown };

export class Agent {
  private readonly client: Client;

  private constructor(client: Client) {
    this.client = client;
  }

  static async connect(origin: string, accessToken: string): Promise<Agent> {
    const client = new Client({ name: "demo-agent", version: "1" }, { versionNegotiation: { mode: "auto" } });
    const headers = { authorization: `Bearer ${accessToken}` };
    await client.connect(new StreamableHTTPClientTransport(new URL("/mcp", origin), { requestInit: { headers } }));
    return new Agent(client);
  }

  async tools(): Promise<readonly string[]> {
    return (await this.client.listTools()).tools.map((tool) => tool.name);
  }

  /** The structured answer, refusals included: they are values. */
  async call(name: string, args: Said = {}): Promise<Said> {
    const result = await this.client.callTool({ name, arguments: args });
    return (result.structuredContent ?? {}) as Said;
  }

  /** The answer, or an error that names the refusal. */
  async must(name: string, args: Said = {}): Promise<Said> {
    const said = await this.call(name, args);
    if (said["status"] === "refused") throw new Error(`${name} was refused: ${JSON.stringify(said)}`);
    return said;
  }

  /** Long-polls one VM until its status is among those wanted. */
  async until(vmId: unknown, wanted: readonly string[], tries = 20): Promise<Said> {
    for (let left = tries; left > 0; left--) {
      const vm = await this.must("aleph_get_vm", { vm_id: vmId, wait_s: 10 });
      if (wanted.includes(String(vm["status"]))) return vm;
    }
    throw new Error(`VM ${String(vmId)} did not become ${wanted.join(" or ")}`);
  }

  close(): Promise<void> {
    return this.client.close();
  }
}
