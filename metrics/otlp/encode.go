package otlp

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
)

// request is what a collector is sent for some spans, at least one. All are of one
// resource and one tracer, because Traces has one of each.
//
// Left out on purpose: the trace state, which is free text that a trusted hop may have
// from its client, and the text of a status. Our spans have no events.
func request(spans []sdktrace.ReadOnlySpan) *collector.ExportTraceServiceRequest {
	scope, of := spans[0].InstrumentationScope(), spans[0].Resource()
	encoded := make([]*tracepb.Span, len(spans))
	for i, s := range spans {
		encoded[i] = span(s)
	}
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:  &resourcepb.Resource{Attributes: attributes(of.Attributes())},
		SchemaUrl: of.SchemaURL(),
		ScopeSpans: []*tracepb.ScopeSpans{{
			Scope:     &common.InstrumentationScope{Name: scope.Name, Version: scope.Version},
			SchemaUrl: scope.SchemaURL,
			Spans:     encoded,
		}},
	}}}
}

func span(s sdktrace.ReadOnlySpan) *tracepb.Span {
	own, parent := s.SpanContext(), s.Parent()
	traceID, spanID := own.TraceID(), own.SpanID()
	out := &tracepb.Span{
		TraceId: traceID[:], SpanId: spanID[:], Flags: flags(own, parent.IsRemote()),
		Name: s.Name(), Kind: tracepb.Span_SpanKind(s.SpanKind()), // the numbers are the same
		StartTimeUnixNano: uint64(s.StartTime().UnixNano()), EndTimeUnixNano: uint64(s.EndTime().UnixNano()),
		Attributes: attributes(s.Attributes()), DroppedAttributesCount: uint32(s.DroppedAttributes()),
		DroppedLinksCount: uint32(s.DroppedLinks()),
	}
	if parent.SpanID().IsValid() {
		id := parent.SpanID()
		out.ParentSpanId = id[:]
	}
	for _, l := range s.Links() {
		traceID, spanID := l.SpanContext.TraceID(), l.SpanContext.SpanID()
		out.Links = append(out.Links, &tracepb.Span_Link{TraceId: traceID[:], SpanId: spanID[:], Flags: flags(l.SpanContext, l.SpanContext.IsRemote())})
	}
	if s.Status().Code == codes.Error {
		out.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}
	}
	return out
}

// flags are those of W3C Trace Context in the lowest eight bits, and above them
// whether what is before is another process's.
func flags(of trace.SpanContext, remote bool) uint32 {
	out := uint32(of.TraceFlags()) | uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
	if remote {
		out |= uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	return out
}

func attributes(list []attribute.KeyValue) []*common.KeyValue {
	out := make([]*common.KeyValue, len(list))
	for i := range list {
		out[i] = &common.KeyValue{Key: string(list[i].Key), Value: value(&list[i].Value)}
	}
	return out
}

// value is a number, a truth value or a text; whatever else is written as a text.
func value(v *attribute.Value) *common.AnyValue {
	switch v.Type() {
	case attribute.INT64:
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v.AsInt64()}}
	case attribute.FLOAT64:
		return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: v.AsFloat64()}}
	case attribute.BOOL:
		return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: v.AsBool()}}
	default:
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v.String()}}
	}
}
