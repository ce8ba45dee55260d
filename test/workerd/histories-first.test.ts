import { histories } from "../real/suite.ts";

histories(1, 250);
