// For `node --import`: a service of ours then has accounts of the made-up marketplace like any other.
import { registerMadeUp } from "./marketplace.js";

registerMadeUp();
