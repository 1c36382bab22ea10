/**
 * How many records of a branch have a fiber of their own, which takes memory for as long as RentProg lets it wait: the branches
 * of a process share 600 fibers, beyond which each still has 100. The more there are of one branch, the more of them a page of
 * a list brings.
 */
export const shareFibers = () => {
  let all = 0
  /** For one branch. */
  return () => {
    let own = 0
    const most = () => Math.min(500, Math.max(100, 600 - (all - own)))
    return {
      count: (more: 1 | -1): void => {
        own += more
        all += more
      },
      free: (): number => Math.max(0, most() - own),
      /** What comes together is worth a page of a list, and a statement: one that is free is not worth a take. */
      isFull: (): boolean => own > most() * 0.75
    }
  }
}
