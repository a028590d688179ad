/**
 * Which offset may be committed for one partition under one assignment, when
 * messages finish in any order: the end of the longest run, from the first
 * admitted message on, in which every message is finished. Committing beyond a
 * running message would lose it in a crash.
 *
 * Offsets need not be consecutive (compaction and control records leave gaps).
 */
export class CommitPrefix {
  private readonly admitted: bigint[] = [];
  private head = 0;
  private readonly finished = new Set<bigint>();
  private next: bigint | undefined;
  private committed: bigint | undefined;

  /** Offsets come in the order of the log; an offset at or below the last admitted one is refused. */
  admit(offset: bigint): boolean {
    const last = this.admitted.at(-1);
    if (last !== undefined && offset <= last) return false;
    if (last === undefined && this.next !== undefined && offset < this.next) return false;
    this.admitted.push(offset);
    return true;
  }

  finish(offset: bigint): void {
    this.finished.add(offset);
    while (this.head < this.admitted.length) {
      const first = this.admitted[this.head];
      if (first === undefined || !this.finished.delete(first)) break;
      this.next = first + 1n;
      this.head += 1;
    }
    this.forgetDone();
  }

  /** Admitted and not yet below the prefix: what a crash would deliver again. */
  get outstanding(): number {
    return this.admitted.length - this.head;
  }

  /** The offset to commit next, or undefined when nothing moved since the last commit. */
  committable(): bigint | undefined {
    return this.next === this.committed ? undefined : this.next;
  }

  markCommitted(offset: bigint): void {
    this.committed = offset;
  }

  private forgetDone(): void {
    if (this.head === this.admitted.length) {
      this.admitted.length = 0;
      this.head = 0;
    } else if (this.head >= 1_024) {
      this.admitted.splice(0, this.head);
      this.head = 0;
    }
  }
}
