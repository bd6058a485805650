import type { TraceQuery } from "../../../queue/archive.ts";
import type { Story } from "./story.ts";

/** Placeholder until history files are written. */
export class History {
  readonly folder: string;
  constructor(folder: string) {
    this.folder = folder;
  }
  byId(_id: number): readonly Story[] {
    return [];
  }
  find(_query: TraceQuery, _enough: () => boolean): Iterable<Story> {
    return [];
  }
}
