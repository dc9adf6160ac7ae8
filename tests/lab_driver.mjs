// Runs the lab's engine in Node for tests/test_lab_in_node.py: jobs as JSON in, results out.

import { readFileSync } from "node:fs";
import { JOBS } from "./lab_jobs.mjs";

const jobs = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(jobs.map(([name, job]) => JOBS[name](job))));
