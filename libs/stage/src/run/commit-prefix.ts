/**
 * Determines which offset may be committed for one partition under one assignment, if messages
 * finish in any order: the end of the longest run of finished messages, beginning with the first
 * admitted one. Committing beyond a running message would lose it in a crash.
 *
 * Offsets do not have to be consecutive (compaction and control records leave gaps).
 */
export class CommitPrefix {
  private readonly admitted: bigint[] = [];
  private head = 0;
  private readonly finished = new Set<bigint>();
  private next: bigint | undefined;
  private committed: bigint | undefined;

  /** Admits offsets in the order of the log. Returns false for an offset at or below the last admitted one. */
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

  /** How many admitted messages are not part of the prefix. A crash would deliver them again. */
  get outstanding(): number {
    return this.admitted.length - this.head;
  }

  /** Returns the offset to commit next, or undefined if it is the committed one. */
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
