// Package blind is a second measure of rules/record, made by other hands than
// the first (rules/record/recall) and not tuned on: bodies in every form that
// records leave in, with the truth about each, and what was found of it. The
// bodies are made, not collected; nobody in them exists. The same seed gives
// the same bodies.
//
// It is a package of the tests: nothing of it is in the program but the figure,
// in ../blind.txt. To write BLIND.md and the figure anew:
//
//	go test ./rules/record/recall/blind -run TestBlind -update
package blind
