import { Type, type Static } from "typebox";
import { type Decoded, optionsObject, pathOption } from "../../lib/option-schema.ts";

/** Options of a route of kind `sink`, as the configuration file has them. */
export const sinkRouteSchema = optionsObject(
  {
    name: Type.String({ minLength: 1, description: "Name of the route, as rules use it." }),
    paused: Type.Optional(
      Type.Boolean({ default: false, description: "Start with the route paused: its mail waits until it is resumed." }),
    ),
    kind: Type.Literal("sink"),
    folder: pathOption({ description: "Folder for the .eml files; made when it is missing." }),
  },
  "Writes each message into a folder instead of sending it.",
);

export type SinkRouteOptions = Omit<Decoded<Static<typeof sinkRouteSchema>>, "kind"> & { readonly kind?: "sink" };
