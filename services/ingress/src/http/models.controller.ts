import { Controller, Get, Param } from "@nestjs/common";
import { Declarations } from "@sluice/declarations";
import { tiers } from "@sluice/domain";
import { unknownModel } from "../request/model-choice.ts";
import { errorOfRefusal } from "./api-error.ts";

interface ListedModel {
  readonly id: string;
  readonly object: "model";
  readonly created: number;
  readonly owned_by: string;
}

/** `GET /v1/models`: lists auto, the tiers, and every variant by its id. */
@Controller("v1/models")
export class ModelsController {
  constructor(private readonly declarations: Declarations) {}

  @Get()
  list(): object {
    return { object: "list", data: this.models() };
  }

  @Get(":id")
  retrieve(@Param("id") id: string): ListedModel {
    const model = this.models().find((each) => each.id === id);
    if (model) return model;
    throw errorOfRefusal(unknownModel(id));
  }

  private models(): readonly ListedModel[] {
    const simulated = new Set(
      this.declarations.providers().flatMap(({ id, simulated: is }) => (is ? [id] : [])),
    );
    const own = ["auto", ...tiers].map((id) => listed(id, "sluice"));
    const variants = this.declarations
      .variants()
      .map(({ id, provider }) =>
        listed(id, simulated.has(provider) ? `${provider} (simulated)` : provider),
      );
    return [...own, ...variants];
  }
}

/** `created` is 0, because sluice.yaml does not declare it and OpenAI's clients expect a number. */
function listed(id: string, owner: string): ListedModel {
  return { id, object: "model", created: 0, owned_by: owner };
}
