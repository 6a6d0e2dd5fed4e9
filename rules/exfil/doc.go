// Package exfil decides how many customer records may leave, and says when
// something is wrong. It does no I/O and takes time as a parameter.
//
// The way of the data:
//
//	Principal ──Engine.Recognise──► issued? bound to whom? which role's caps?
//	Principal ──Engine.Admit──────► is it contained?
//	Records   ──Response.Judge────► own, foreign or unlinked; the detectors' signals;
//	                                one reservation per foreign subject and key, all or none
//	durable   ──Response.Commit───► the reservations stand
//	withheld  ──Response.GiveBack─► they are taken back
//	Signals   ──Incidents.Join────► incidents
//
// Each detector is one file: cap.go, bulk.go, unauthenticated.go, canary.go.
package exfil
