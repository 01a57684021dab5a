/** Does something and says so, or says what went wrong. */
export async function step(words, act) {
	try {
		const result = await act();
		console.log(`✓ ${words}`);
		return result;
	} catch (problem) {
		const why = problem.stderr || [problem.message, problem.cause?.message ?? JSON.stringify(problem.cause)].filter(Boolean).join(' – ') || problem;
		console.error(`✗ ${words}\n  ${String(why).trim().replaceAll('\n', '\n  ')}`);
		process.exitCode = 1;
		throw problem;
	}
}
