import { closeSync, constants, fstatSync, mkdirSync, openSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";

/**
 * A folder that stays the one that was opened, whoever may rename or replace its name meanwhile: on Linux names are looked up through its
 * descriptor (Node has no openat). Elsewhere by its path, so there only the permissions of the folder above protect it.
 */
export class HeldFolder implements Disposable {
  readonly #descriptor: number;
  readonly #base: string;

  private constructor(path: string, flags: number) {
    this.#descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | flags);
    this.#base = process.platform === "linux" ? `/proc/self/fd/${this.#descriptor}` : path;
  }

  /** @throws when it does not exist, or anybody may replace files in it */
  static open(path: string): HeldFolder {
    const folder = new HeldFolder(path, 0);
    // 0o1002: writable by everybody, and without the bit that keeps each to his own files.
    if ((folder.#stat().mode & 0o1002) === 0o002) {
      folder[Symbol.dispose]();
      throw new Error(`everybody can replace files in the folder ${path}: chmod o-w, or +t`);
    }
    return folder;
  }

  /** A folder in it that is ours alone; made when it is not there. @throws when it is somebody else's, or no folder */
  own(name: string): HeldFolder {
    const path = this.path(name);
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const folder = new HeldFolder(path, constants.O_NOFOLLOW);
    const { uid, mode } = folder.#stat();
    if (uid === process.getuid?.() && (mode & 0o022) === 0) return folder;
    folder[Symbol.dispose]();
    throw new Error(`the folder ${name} in the pickup folder can be written by others than the gateway's user: remove it`);
  }

  /** Whether the path still leads to it. */
  isStill(path: string): boolean {
    const [ours, there] = [this.#stat(), statSync(path, { throwIfNoEntry: false })];
    return there?.dev === ours.dev && there.ino === ours.ino;
  }

  path(name = ""): string {
    return join(this.#base, name);
  }

  #stat(): Stats {
    return fstatSync(this.#descriptor);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}
