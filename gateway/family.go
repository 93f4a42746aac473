package gateway

import (
	dto "github.com/prometheus/client_model/go"
)

// family is one metric in the making. Families are made by hand and not by collectors: a thousand workers have twenty thousand
// samples, and a registry looks at each of them several times, which is as much work again as all the rest.
type family struct {
	dto.MetricFamily
}

func newFamily(kind dto.MetricType, name, help string) *family {
	f := &family{}
	f.Name, f.Help, f.Type = &name, &help, &kind
	return f
}

func counter(name, help string) *family { return newFamily(dto.MetricType_COUNTER, name, help) }
func gauge(name, help string) *family   { return newFamily(dto.MetricType_GAUGE, name, help) }
func summary(name, help string) *family { return newFamily(dto.MetricType_SUMMARY, name, help) }

// labels are pairs in the order of their names, which is what the formats want. Samples share them.
type labels []*dto.LabelPair

func label(name, value string) *dto.LabelPair { return &dto.LabelPair{Name: &name, Value: &value} }

// add adds a sample. It is one allocation.
func (f *family) add(of labels, value float64) {
	if f.GetType() == dto.MetricType_COUNTER {
		s := &struct {
			dto.Metric
			counter dto.Counter
			value   float64
		}{value: value}
		s.Label, s.Counter, s.counter.Value = of, &s.counter, &s.value
		f.Metric = append(f.Metric, &s.Metric)
		return
	}
	s := &struct {
		dto.Metric
		gauge dto.Gauge
		value float64
	}{value: value}
	s.Label, s.Gauge, s.gauge.Value = of, &s.gauge, &s.value
	f.Metric = append(f.Metric, &s.Metric)
}

// addIf adds what is known.
func (f *family) addIf(of labels, value *float64) {
	if value != nil {
		f.add(of, *value)
	}
}

func (f *family) addCount(of labels, value *uint64) {
	if value != nil {
		f.add(of, float64(*value))
	}
}

// addSum is of a summary without quantiles: how often, and how much together.
func (f *family) addSum(of labels, count uint64, sum float64) {
	f.Metric = append(f.Metric, &dto.Metric{Label: of, Summary: &dto.Summary{SampleCount: &count, SampleSum: &sum}})
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
