// The CPU time of one token in microseconds, round by round. Input: issuer, audience, key set and tokens.
const { createRequire } = require("node:module");
const { JwtVerifier } = createRequire(process.argv[1])("aws-jwt-verify");
const task = JSON.parse(require("node:fs").readFileSync(0, "utf8"));

const verifier = JwtVerifier.create({ issuer: task.issuer, audience: task.audience, jwksUri: `${task.issuer}/jwks` });
verifier.cacheJwks(task.jwks);

const costs = [];
for (let round = 0; round <= task.rounds; round++) {
  const began = process.cpuUsage();
  let count = 0;
  let spent;
  do {
    for (const token of task.tokens) verifier.verifySync(token);
    count += task.tokens.length;
    const { user, system } = process.cpuUsage(began);
    spent = user + system;
  } while (spent < task.milliseconds * 1000);
  // The first round only warms up.
  if (round > 0) costs.push(spent / count);
}
process.stdout.write(JSON.stringify(costs));
