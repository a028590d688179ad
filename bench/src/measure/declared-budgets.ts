/** Budgets of each kind of selector. Every request of the bench counts in all four, and none of them refuses one. */
const budgets = `
budgets:
  - { id: team, tenant: demo, limitUsd: 1000000, period: month, selector: { team: platform } }
  - { id: user, tenant: demo, limitUsd: 1000000, period: day, each: [user] }
  - { id: provider, tenant: demo, limitUsd: 1000000, period: day, selector: { provider: simulator } }
  - { id: all, tenant: demo, limitUsd: 1000000, period: total }
`;

/** Returns the text of a sluice.yaml with four budgets in addition. */
export function withBudgets(declarations: string): string {
  return `${declarations}${budgets}`;
}
