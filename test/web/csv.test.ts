import { describe, expect, test } from "vitest";
import { csvLine } from "../../src/web/csv.ts";

describe("csvLine", () => {
  test("quotes every field, doubles quotes, and keeps what has no value empty", () => {
    expect(csvLine([1, 'say "hi", then\nleave', null])).toBe('"1","say ""hi"", then\nleave",\r\n');
  });

  test.each(["=1+1", "+1", "-1", "@sum", "\t=1", " =1", "\r-1", '=HYPERLINK("http://x")'])(
    "%j is text and no formula",
    (field) => {
      expect(csvLine([field]).startsWith(`"'`)).toBe(true);
    },
  );

  test("what only holds such a sign inside stays as it is", () => {
    expect(csvLine(["a=b", "1-2", "2026-01-01"])).toBe('"a=b","1-2","2026-01-01"\r\n');
  });
});
