package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"goinit/logs/segment"
)

// The store that is asked: about 1 GB of an access log's lines, written over a day, with the records of a busy app.
const (
	askedSegments = 128
	askedSegment  = 8 << 20
	askedRead     = 64 << 10 // bytes for one record
)

// reportQuestions is what goinitctl needs to answer from a large store: whole processes, and the first line's time by the clock.
func reportQuestions(w io.Writer, rounds int, goinit string) error {
	ctl, err := filepath.Abs(filepath.Join(filepath.Dir(goinit), "goinitctl"))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-questions-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	size, lines, err := makeStore(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "# Questions about logs\n\n%s\n\n%.2f GB, %d lines in %d files, out of the page cache. Median of %d times; CPU of the whole process.\n\n",
		machine(), float64(size)/1e9, lines, askedSegments, rounds)
	questions := [][]string{
		{"--since", "12h"}, {"-n", "10"}, {"--count"},
		{"--grep", "no such thing"}, {"--grep", fmt.Sprintf("item/%08d ", lines/2)}, {"--grep", `item/0000\d{4} `},
		{"--grep", `[0-9]{6}ms`}, {"--grep", `(?i)ITEM/00999999 `}, {"--grep", `\b(timeout|refused|denied)\b`},
	}
	asked := make([]struct{ first, cpu []float64 }, len(questions))
	err = inTurns(rounds, len(questions), func(i int) error {
		first, cpu, err := askLogs(ctl, dir, questions[i], i == 0)
		asked[i].first, asked[i].cpu = append(asked[i].first, first), append(asked[i].cpu, cpu)
		return err
	})
	if err != nil {
		return err
	}
	t := &table{head: []string{"goinit ctl logs", "first line, ms", "CPU s", "least", "GB/s of a core"}}
	for i, q := range questions {
		a := asked[i]
		speed := number(float64(size)/1e9/median(a.cpu), 2)
		if i < 2 {
			speed = "" // it does not look at all
		}
		t.add("`"+shown(q)+"`", number(median(a.first)*1e3, 0), number(median(a.cpu), 3), number(minimum(a.cpu), 3), speed)
	}
	t.write(w)
	return nil
}

// shown is a question as one would type it.
func shown(words []string) string {
	if len(words) == 2 && words[0] == "--grep" {
		return words[0] + " '" + words[1] + "'"
	}
	return fmt.Sprint(words)[1 : len(fmt.Sprint(words))-1]
}

// askLogs returns when the first line came (s), if any did, and the CPU time (s). With onlyFirst nobody reads on.
func askLogs(ctl, dir string, question []string, onlyFirst bool) (first, cpu float64, err error) {
	c := exec.Command(ctl, append([]string{"logs", "--directory", dir}, question...)...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := c.Start(); err != nil {
		return 0, 0, err
	}
	if _, err := out.Read(make([]byte, 4096)); err == nil || err == io.EOF {
		first = time.Since(began).Seconds()
	}
	if onlyFirst {
		_ = c.Process.Kill()
		_ = c.Wait()
	} else {
		_, _ = io.Copy(io.Discard, out)
		err = c.Wait()
	}
	return first, (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), err
}

// makeStore writes what is asked about.
func makeStore(dir string) (size, lines int, err error) {
	app := filepath.Join(dir, "web")
	if err := os.Mkdir(app, 0o700); err != nil {
		return 0, 0, err
	}
	const reads = askedSegments * askedSegment / askedRead
	at, step := time.Now().Add(-24*time.Hour), 24*time.Hour/reads
	for number := 1; number <= askedSegments; number++ {
		var data, index []byte
		for len(data) < askedSegment {
			for end := len(data) + askedRead; len(data) < end; lines++ {
				data = fmt.Appendf(data, `10.0.%d.%d - - "GET /item/%08d HTTP/1.1" 200 %d "-" "Mozilla/5.0 (X11; Linux x86_64)" %dms`+"\n", lines%256, lines/7%256, lines, lines%9973, lines%512)
			}
			at = at.Add(step)
			index = segment.Record{Time: at.UnixNano(), End: int64(len(data))}.Append(index)
		}
		for kind, b := range map[segment.Kind][]byte{segment.Log: data, segment.Index: index} {
			if err := os.WriteFile(filepath.Join(app, segment.Name(number, kind)), b, 0o600); err != nil {
				return 0, 0, err
			}
		}
		size += len(data)
	}
	return size, lines, nil
}
