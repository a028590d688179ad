import { Controller, Get, Headers } from "@nestjs/common";
import { Allowances } from "@sluice/budgets";
import { type ApiKey, Declarations } from "@sluice/declarations";
import { Clock, Fault } from "@sluice/domain";
import { type ListedBudget, listedBudget, windowsOfKey } from "../budgets/budgets-of-key.ts";
import { unavailable } from "./api-error.ts";
import { AuthenticatedKey } from "./authenticated-key.ts";

/** `GET /v1/budgets`: what the budgets of the key have left. */
@Controller("v1/budgets")
export class BudgetsController {
  constructor(
    private readonly declarations: Declarations,
    private readonly allowances: Allowances,
    private readonly clock: Clock,
  ) {}

  @Get()
  async list(
    @AuthenticatedKey() key: ApiKey,
    @Headers("x-sluice-run") runId: string | undefined,
  ): Promise<object> {
    const { declarations, clock } = this;
    const windows = windowsOfKey(key, declarations, runId ?? null, clock.now());
    try {
      const allowances = await this.allowances.read(key.tenant, windows);
      const data: readonly ListedBudget[] = windows.map((window, index) =>
        listedBudget(window, allowances[index]!),
      );
      return { object: "list", data };
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause;
      throw unavailable("unavailable", "The budgets cannot be read now; try again.", cause);
    }
  }
}
