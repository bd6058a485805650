#!/usr/bin/env node
// The entry. Nothing is imported before the compile cache is on: it halves the start of a short command.
import { enableCompileCache } from "node:module";

enableCompileCache();
const { main } = await import("./program.ts");
await main(process.argv);
