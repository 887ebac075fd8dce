export const title = "dpo"; export const tests = {};
