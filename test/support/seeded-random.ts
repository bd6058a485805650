export { seededRandom } from "../../src/lib/seeded-random.ts";
