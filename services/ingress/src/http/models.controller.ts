import { Controller, Get, Headers, Inject, Param } from "@nestjs/common";
import { Declarations } from "@sluice/declarations";
import { tiers } from "@sluice/domain";
import { errorOfModel } from "./api-error.ts";
import { Authentication } from "./api-key.guard.ts";
import { unknownModel } from "../request/model-choice.ts";

interface ListedModel {
  readonly id: string;
  readonly object: "model";
  readonly created: number;
  readonly owned_by: string;
}

/** `GET /v1/models`: auto, the tiers, and every variant by its id. */
@Controller("v1/models")
export class ModelsController {
  constructor(
    @Inject(Authentication) private readonly authentication: Authentication,
    @Inject(Declarations) private readonly declarations: Declarations,
  ) {}

  @Get()
  list(@Headers("authorization") authorization: string | undefined): object {
    this.authentication.keyOf(authorization);
    return { object: "list", data: this.models() };
  }

  @Get(":id")
  retrieve(
    @Headers("authorization") authorization: string | undefined,
    @Param("id") id: string,
  ): ListedModel {
    this.authentication.keyOf(authorization);
    const model = this.models().find((each) => each.id === id);
    if (model) return model;
    throw errorOfModel(unknownModel(id));
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

/** When a model was made is not declared, and OpenAI's clients want a number. */
function listed(id: string, owner: string): ListedModel {
  return { id, object: "model", created: 0, owned_by: owner };
}
