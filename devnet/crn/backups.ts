/**
 * Backups of a running VM: asked for, in progress for a while, then a file for a day whose address opens it for whoever
 * holds it. The file itself is not served. Works on the node's state.
 */
import { sha256Hex } from "../../src/crypto/hash.ts";
import type { Node } from "./core-link.ts";
import { isRunning } from "./executions.ts";
import { pythonTime } from "./figures.ts";
import type { Backup, Vm } from "./spec.ts";
import type { WireRequest, WireResponse } from "../wire.ts";
import { json } from "./wire.ts";

const BACKUP_MS = 20_000;
const LIFE_MS = 86_400_000;
const MIB = 1_048_576;

type Refused = { readonly status: number; readonly error: string };

export function makeBackup(node: Node, vm: Vm, nowMs: number): WireResponse | Refused {
  const known = liveBackup(node, vm.hash, nowMs);
  if (known !== undefined) return backupAnswer(node, vm, known, nowMs);
  if (!node.state.knobs.qemu) return { status: 400, error: "Backup only supported for QEMU VMs" };
  if (!isRunning(vm, nowMs)) return { status: 400, error: "VM is not running" };
  const id = `${vm.hash.slice(0, 16)}-${Math.floor(nowMs / 1000)}`;
  const made: Backup = { id, readyMs: nowMs + BACKUP_MS, expiresMs: nowMs + BACKUP_MS + LIFE_MS };
  node.state.backups[vm.hash] = made;
  return backupAnswer(node, vm, made, nowMs);
}

export function readBackup(node: Node, vm: Vm, nowMs: number): WireResponse | Refused {
  const known = liveBackup(node, vm.hash, nowMs);
  return known === undefined ? NONE : backupAnswer(node, vm, known, nowMs);
}

export function dropBackup(node: Node, vm: Vm, request: WireRequest, nowMs: number): WireResponse | Refused {
  const id = (request.path.split("?")[0] ?? "").split("/").at(-1);
  if (liveBackup(node, vm.hash, nowMs)?.id !== id) return NONE;
  delete node.state.backups[vm.hash];
  return json(200, { status: "deleted", backup_id: id });
}

export const NONE: Refused = { status: 404, error: "No backup found for this VM" };

function liveBackup(node: Node, hash: string, nowMs: number): Backup | undefined {
  const known = node.state.backups[hash];
  return known !== undefined && known.expiresMs > nowMs ? known : undefined;
}

function backupAnswer(node: Node, vm: Vm, { id, readyMs, expiresMs }: Backup, nowMs: number): WireResponse {
  if (readyMs > nowMs) return json(202, { status: "in_progress" });
  const signature = sha256Hex(`backup ${node.spec.hash} ${id}`);
  const path = `/control/machine/${vm.hash}/backup/${id}?signature=${signature}&expires=${Math.floor(expiresMs / 1000)}`;
  return json(200, {
    backup_id: id,
    size: vm.diskMib * MIB,
    volumes: ["rootfs"],
    expires_at: pythonTime(expiresMs),
    checksum: `sha256:${sha256Hex(id)}`,
    download_url: `https://${node.spec.domain}${path}`,
  });
}
