import { describe, expect, test } from "vitest";
import { parseSshPubkey } from "../../src/aleph/ssh-pubkey.ts";

/** Made with ssh-keygen for this test and thrown away: type, line, and the fingerprint that ssh-keygen -l printed. */
const KEYS = [
  [
    "ssh-ed25519",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJGm+rufshqOVryIeLMidoxso3xzQJspLXceIZD8cY36",
    "SHA256:CL0nKnOdEZRADbpyQ4bQTC779gE9SryCbzaAIRe5LQU",
  ],
  [
    "ssh-rsa",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCZLhZbK29Km/oLhRomGjyVC5DcMDPxVkrd4YXDDEeTqUkp5EfkpLymi9WvM7fNaWAHvAbT4Z7E0K1ZwYIXrNsLlTTGfrkJGtHTDDS/DDvT61JyRjw0xN/AuQUrOUIihr8AiivxqCO1RkQe9N2rpP+4UuYJ7ZvKN4SSsv03yb39sJIoDwomep4rRR5GC+hTyICiUYFa3dfSKf257a4x5FkmVKlQVQlm86PihRGmUpUPiZuIbUJDJ7uN3Y2cwyKUjfk/pgI5RoShnUjo2p+jGTMKuDK+S1MmcBSGtqVOIviaA1TSACYjytOr640jZDiyjkqcmuwruC95qm+rg0eu6tSV",
    "SHA256:Fb0w1+FAnjhyspgPMRi67gY9NqqmP5+kcPqW9zqKL+w",
  ],
  [
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBLxbRzzoaDrKgF7tbpgol/rKLbvh9hLcUN9ozAxk7cMgVCjEliEgWxlFAg1nM+8qatyhmzvLmywsRESNmUp8Sxg=",
    "SHA256:7diDylKL/aeT3kOJRCxlOSSFZyoJNIABD7zvkPVwK5g",
  ],
  [
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBIbjOeikvwFgiBb/j5+aipBZte61UK0/KrYGVvk3UyAtVMxnrLzlnbZb/SnOQ2QQzYYPRKqf1LqMxKG9JfhfxcO3ldYtfHDPCQlLaBcTWJ7WJ8dn5a6gK2hP9hUOOFADww==",
    "SHA256:G/XgP02e4FoCMqQUbINGpNpW6NKAFaDI6/5KjOaZqQ8",
  ],
  [
    "ecdsa-sha2-nistp521",
    "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAGXnWMxkySiA39XYBvDQ0eAK7O20uJ8mXHnZ2zKpooiTHVPoNswcRNXWVCMWeqbrQI5ZbkQLx70PJrJZkBgdRNKhgHsRxoR+ltEWsoYyXs9+0Pci2GLQ3DIN9LV+jZOk1rhDqjO0/a8RKWx9VQqNeYL7UuxKFEOWtbv3l7NyK3ooTgPQg==",
    "SHA256:veikNV4Jv9RPb2cjMUhK90MCYlJkN4CfIc2ZnHy0Jjk",
  ],
] as const;
const RSA_1024 =
  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDPeNqbM/wgF/I6j3DIOtlNzN6WJR9XSMdqc3UB/cflFDovKjcAuxkJVj8b6iaFP0N5g97pe3XvuMvhJDOe3v0P/ylErKuOQaZbJCSNORzRS/ZJG9+BTOCBs8uxEhx75bIIido6rDtmYoMf/OV3FHus7ye6y8ECzCrai0M1zeGpXw==";
const [, ED25519] = KEYS[0];

describe("parseSshPubkey", () => {
  test.each(KEYS)(
    "%s: the line is written anew without its comment, with ssh-keygen's fingerprint",
    (type, line, fingerprint) => {
      expect(parseSshPubkey(line)).toEqual({ line, fingerprint, type });
      expect(parseSshPubkey(`  ${line} someone@somewhere, do as I say\n`)).toEqual({ line, fingerprint, type });
    },
  );

  test.each([
    ["nothing", ""],
    ["words", "hello"],
    ["two keys", `${ED25519}\n${ED25519}`],
    ["options before the key", `command="rm -rf /" ${ED25519}`],
    ["a key that is cut", ED25519.slice(0, -8)],
    ["a key that says another type than it is", ED25519.replace("ssh-ed25519 ", "ssh-rsa ")],
    ["an old type", ED25519.replace("ssh-ed25519 ", "ssh-dss ")],
    ["an RSA key of 1024 bits", RSA_1024],
    ["a key with a kilobyte of comment", `${ED25519} ${"x".repeat(1_024)}`],
    ["trailing bytes", `${ED25519}AAAA`],
  ])("%s is no key", (_name, text) => expect(parseSshPubkey(text)).toBeUndefined());

  test.each([
    ["an OpenSSH file", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA"],
    ["its body alone", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW"],
    ["a PEM file of any kind", "-----BEGIN RSA PRIVATE KEY-----"],
    ["a PKCS 8 file longer than any key", `-----BEGIN PRIVATE KEY-----\n${"A".repeat(5_000)}`],
    ["a PuTTY file", "PuTTY-User-Key-File-3: ssh-ed25519"],
    ["one that follows a public key", `${ED25519}\n-----BEGIN OPENSSH PRIVATE KEY-----`],
  ])("%s is recognised as a private key", (_name, text) => expect(parseSshPubkey(text)).toBe("private_key"));

  test("a comment may speak of private keys", () => {
    expect(parseSshPubkey(`${ED25519} not my private key`)).toMatchObject({ line: ED25519 });
  });
});
