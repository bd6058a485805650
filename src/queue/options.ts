import { Type, type Static } from "typebox";
import { durationOption, optionsObject, sizeOption, type Decoded } from "../lib/option-schema.ts";

/** The `queue` key of the configuration. */
export const QueueSchema = optionsObject({
  lifetime: durationOption({ default: "2d", description: "How long a message is tried before it expires and its sender is told." }),
  retry: optionsObject(
    {
      first: durationOption({ default: "1m", description: "Wait after the first attempt that was delayed." }),
      factor: Type.Number({ default: 2, minimum: 1, maximum: 10, description: "Each wait is so many times the one before." }),
      longest: durationOption({ default: "1h", description: "No wait is longer." }),
      jitter: Type.Number({
        default: 0.2,
        minimum: 0,
        maximum: 0.5,
        description: "Share by which waits are spread, so that what failed together is not retried together.",
      }),
    },
    "Waits between attempts.",
  ),
  delayNotice: durationOption({
    default: "4h",
    description: "Senders are told of a delay after this long, unless they asked not to be. `0s`: never.",
  }),
  missingHeaders: Type.Union([Type.Literal("add"), Type.Literal("refuse")], {
    default: "add",
    description: "What to do with a message without From, Date or Message-ID.",
  }),
  maxHops: Type.Integer({
    default: 50,
    minimum: 1,
    maximum: 500,
    description: "A message with more Received fields goes round in circles and is refused.",
  }),
  freeSpaceReserve: sizeOption({ default: "256MB", description: "Acceptance stops when the disk has less free." }),
  dsnReturn: sizeOption({
    default: "64KB",
    description: "Failure notifications return the whole message up to this size, else its header.",
  }),
});

export type QueueOptions = Decoded<Static<typeof QueueSchema>>;
