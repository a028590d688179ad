import { Inject, Injectable } from "@nestjs/common";
import { AdminServer, json } from "@sluice/telemetry";
import { costsAnswerOf, parseCostsQuery } from "./costs-query.ts";
import { Ledger } from "../ledger/ledger.ts";

/** `GET /costs` on the admin port: sums of the hourly rollups. */
@Injectable()
export class CostsRoute {
  constructor(@Inject(AdminServer) admin: AdminServer, @Inject(Ledger) ledger: Ledger) {
    admin.route("/costs", async (given) => {
      const parsed = parseCostsQuery(given);
      if (parsed.kind === "invalid") return json(400, { error: parsed.error });
      return json(200, costsAnswerOf(parsed.query, await ledger.costs(parsed.query)));
    });
  }
}
