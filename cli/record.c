/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * gracewalk record: perf writes down faults and system calls, this process samples VmPTE
 * beside it, and both become one trace.
 */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <popt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RECORD_PROGRESS_NS UINT64_C(1000000000)

struct record_job {
	const char *output, *buffer;
	int interval;   /* ms between samples */
	char **program; /* a copy of the words after the options, NULL at the end */
	char dir[4096], data[4128], errors[4128];
	struct record_sampler sampler;
	struct record_script script;
	uint64_t begun, shown; /* for the progress line */
};

static volatile sig_atomic_t record_signal;

static void record_on_signal(int number)
{
	record_signal = number;
}

/* No SA_RESTART: the sleep between samples shall end. Across exec a handler is reset. */
static void record_catch_signals(void)
{
	struct sigaction action = {.sa_handler = record_on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static int record_complain(const char *what, int err)
{
	fprintf(stderr, "gracewalk record: %s: %s\n", what, strerror(-err));
	return err;
}

static int record_make_dir(struct record_job *job)
{
	const char *base = getenv("TMPDIR");

	snprintf(job->dir, sizeof(job->dir), "%s/gracewalk.XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(job->dir)) {
		record_complain(job->dir, -errno);
		fprintf(stderr, "gracewalk record: set TMPDIR to a directory that can be written "
				"to\n");
		job->dir[0] = '\0';
		return -EIO;
	}
	snprintf(job->data, sizeof(job->data), "%s/perf.data", job->dir);
	snprintf(job->errors, sizeof(job->errors), "%s/errors", job->dir);
	return 0;
}

/* Asked before the run: a long one should not turn out to have been in vain. */
static bool record_can_write(const char *path)
{
	char dir[4096];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash)
		snprintf(dir, sizeof(dir), ".");
	else
		slash[slash == dir] = '\0';
	if (!access(dir, W_OK | X_OK))
		return true;
	fprintf(stderr, "gracewalk record: no file can be made in %s: %s. Choose another with -o\n",
		dir, strerror(errno));
	return false;
}

static void record_remove_dir(const struct record_job *job)
{
	if (!job->dir[0])
		return;
	unlink(job->data);
	unlink(job->errors);
	rmdir(job->dir);
}

/* "page-faults,syscalls:sys_enter_mmap,..."; exit_group does not return. */
static char *record_event_list(void)
{
	char *list = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&list, &size);

	if (!out)
		return NULL;
	fputs("page-faults", out);
	for (const char *const *call = record_script_calls; *call; call++) {
		fprintf(out, ",syscalls:sys_enter_%s", *call);
		if (strcmp(*call, "exit_group"))
			fprintf(out, ",syscalls:sys_exit_%s", *call);
	}
	if (fclose(out)) {
		free(list);
		return NULL;
	}
	return list;
}

/* Become perf record. Returns only if that failed. */
static void record_exec_perf(const struct record_job *job, const char *list)
{
	const char *const fixed[] = {
		"perf",
		"record",
		"--quiet",
		"--no-buildid",
		"--no-buildid-cache",
		"-k",
		"CLOCK_MONOTONIC",
		"-c",
		"1",
		"-d",
		"-o",
		job->data,
		"-e",
		list,
	};
	const size_t n = sizeof(fixed) / sizeof(*fixed);
	size_t words = 0, at = 0;
	const char **argv;

	while (job->program[words])
		words++;
	argv = calloc(n + words + 4, sizeof(*argv));
	if (!argv)
		return;
	for (; at < n; at++)
		argv[at] = fixed[at];
	if (job->buffer) {
		argv[at++] = "-m";
		argv[at++] = job->buffer;
	}
	argv[at++] = "--";
	memcpy(argv + at, job->program, words * sizeof(*argv));
	execvp("perf", (char **)(uintptr_t)argv);
}

static pid_t record_start(const struct record_job *job)
{
	char *list = record_event_list();
	pid_t pid = list ? fork() : -1;

	if (!pid) {
		record_exec_perf(job, list);
		record_complain("cannot run perf", -errno);
		_exit(127);
	}
	if (pid < 0)
		record_complain("cannot start perf", list ? -errno : -ENOMEM);
	free(list);
	return pid;
}

static void record_progress(struct record_job *job, const char *what)
{
	const uint64_t now = record_now();

	if (!isatty(STDERR_FILENO) || now - job->begun < RECORD_PROGRESS_NS ||
	    now - job->shown < RECORD_PROGRESS_NS / 2)
		return;
	job->shown = now;
	fprintf(stderr, "\rgracewalk record: %s, %.0f s, %zu samples\033[K", what,
		(double)(now - job->begun) / 1e9, job->sampler.count);
}

static void record_progress_end(struct record_job *job)
{
	if (job->shown)
		fprintf(stderr, "\r\033[K");
	job->shown = 0;
}

/* Sample until perf is done. A signal goes on to perf, which ends the program and its file. */
static int record_watch(struct record_job *job, pid_t perf)
{
	const struct timespec quick = {.tv_nsec = 500000};
	const struct timespec pause = {job->interval / 1000, job->interval % 1000 * 1000000L};
	int status, err = 0, passed = 0;
	pid_t done;

	job->sampler.perf = perf;
	while ((done = waitpid(perf, &status, WNOHANG)) == 0 || (done < 0 && errno == EINTR)) {
		if (record_signal && record_signal != passed) {
			passed = record_signal;
			kill(perf, passed == SIGHUP ? SIGTERM : passed);
		}
		if (!err)
			err = record_sampler_take(&job->sampler);
		record_progress(job, "running");
		nanosleep(job->sampler.pid ? &pause : &quick, NULL);
	}
	record_progress_end(job);
	return err;
}

static void record_exec_script(const struct record_job *job, int out)
{
	const int errors = open(job->errors, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (errors < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
		_exit(127);
	execlp("perf", "perf", "script", "-i", job->data, "--ns", "--show-mmap-events",
	       "--show-task-events", "--show-lost-events", "-F", RECORD_SCRIPT_FIELDS,
	       (char *)NULL);
	_exit(127);
}

static int record_read_lines(struct record_job *job, FILE *lines)
{
	char *line = NULL;
	size_t room = 0;
	int err = 0;

	while (!err && getline(&line, &room, lines) >= 0) {
		err = record_script_line(&job->script, line);
		if (job->script.count % 65536 == 0)
			record_progress(job, "reading what perf wrote");
	}
	free(line);
	record_progress_end(job);
	return err;
}

static int record_convert(struct record_job *job)
{
	int ends[2], status, err;
	FILE *lines;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid)
		record_exec_script(job, ends[1]);
	close(ends[1]);
	lines = pid < 0 ? NULL : fdopen(ends[0], "r");
	err = lines ? record_read_lines(job, lines) : -errno;
	if (lines)
		fclose(lines);
	else
		close(ends[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!err && (!WIFEXITED(status) || WEXITSTATUS(status)))
		err = -EIO;
	return err;
}

/* The last thing perf script said, which is why it failed. */
static void record_repeat_errors(const struct record_job *job)
{
	FILE *file = fopen(job->errors, "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		if (!strstr(line, "Ignoring."))
			fprintf(stderr, "gracewalk record: perf script: %s", line);
	if (file)
		fclose(file);
}

/* The samples belong to the child of perf that was found; the events to what perf executed. */
static int record_merge_samples(struct record_job *job)
{
	const struct record_sampler *s = &job->sampler;
	int err = 0;

	if (s->pid != job->script.pid) {
		fprintf(stderr,
			"gracewalk record: the samples of VmPTE are of process %d, not %d; "
			"they are left out\n",
			s->pid, job->script.pid);
		return 0;
	}
	for (size_t i = 0; !err && i < s->count; i++)
		err = record_script_sample(&job->script, s->at[i].time, s->at[i].took, s->at[i].kb);
	return err;
}

/* "always [madvise] never": the word in brackets. */
static void record_thp_mode(char *mode, size_t size)
{
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
	char line[128] = "";
	char *start, *end;

	mode[0] = '\0';
	if (!file)
		return;
	start = fgets(line, sizeof(line), file) ? strchr(line, '[') : NULL;
	end = start ? strchr(start, ']') : NULL;
	if (end)
		snprintf(mode, size, "%.*s", (int)(end - start - 1), start + 1);
	fclose(file);
}

static void record_fill_meta(const struct record_job *job, struct utsname *name, char *thp,
			     struct trace_meta *meta)
{
	const struct record_script *s = &job->script;

	uname(name);
	*meta = (struct trace_meta){
		.argv = job->program,
		.kernel = name->release,
		.machine = name->machine,
		.thp = thp,
		.page_size = s->page_size,
		.lost = s->lost,
		.others = s->others,
		.children = s->children,
		.status = s->status,
		.address_bits = 47,
	};
	while (job->program[meta->argc])
		meta->argc++;
	/* More than 47 bits come only with five levels, or with arm64's 48. */
	for (size_t i = 0; i < s->count; i++)
		if (s->events[i].len && s->events[i].addr >> 47)
			meta->address_bits = 56;
}

static int record_write(struct record_job *job, struct trace_meta *meta, uint64_t *bytes)
{
	struct trace_writer *writer = NULL;
	uint64_t dropped = 0;
	int err = trace_writer_create(meta, &writer);

	for (size_t i = 0; !err && i < job->script.count; i++) {
		err = trace_writer_add(writer, &job->script.events[i]);
		/* A program may touch, and be refused, addresses that no mapping can have. */
		if (err == -EINVAL) {
			dropped++;
			err = 0;
		}
	}
	if (dropped)
		fprintf(stderr,
			"gracewalk record: %llu events at impossible addresses were left "
			"out\n",
			(unsigned long long)dropped);
	if (!err)
		err = trace_writer_save(writer, job->output, bytes);
	trace_writer_destroy(writer);
	if (err == -E2BIG)
		fprintf(stderr,
			"gracewalk record: the trace would be larger than %u MiB; record a "
			"shorter run\n",
			TRACE_MAX_BODY >> 20);
	else if (err)
		record_complain(job->output, err);
	return err;
}

static void record_summary(const struct record_job *job, const struct trace_meta *meta,
			   uint64_t bytes)
{
	const struct record_script *s = &job->script;
	size_t samples = 0;

	for (size_t i = 0; i < s->count; i++)
		samples += s->events[i].kind == TRACE_SAMPLE;
	fprintf(stderr, "gracewalk record: %s: %zu events, %zu samples, %llu bytes, %llu lost; ",
		job->output, s->count - samples, samples, (unsigned long long)bytes,
		(unsigned long long)s->lost);
	if (meta->status == TRACE_STATUS_UNKNOWN)
		fprintf(stderr, "the program was ended by a signal\n");
	else
		fprintf(stderr, "the program's exit status was %u\n", meta->status);
	if (s->others || s->children)
		fprintf(stderr,
			"gracewalk record: left out %llu events of other processes; the "
			"program forked %llu\n",
			(unsigned long long)s->others, (unsigned long long)s->children);
	if (s->lost)
		fprintf(stderr,
			"gracewalk record: perf lost %llu events, so the trace is not "
			"whole: record again with a larger -m (as root)\n",
			(unsigned long long)s->lost);
	if (s->unread)
		fprintf(stderr,
			"gracewalk record: %llu lines of perf script were not understood, "
			"so the trace is not whole\n",
			(unsigned long long)s->unread);
}

static int record_finish(struct record_job *job)
{
	struct trace_meta meta;
	struct utsname name;
	char thp[32];
	uint64_t bytes;
	int err = record_merge_samples(job);

	if (!err)
		err = record_script_finish(&job->script);
	if (err == -ENODATA) {
		fprintf(stderr,
			"gracewalk record: perf saw no program start; is %s there, and can "
			"it be executed?\n",
			job->program[0]);
		return err;
	}
	if (err)
		return record_complain("cannot sort the events", err);
	record_thp_mode(thp, sizeof(thp));
	record_fill_meta(job, &name, thp, &meta);
	err = record_write(job, &meta, &bytes);
	if (!err)
		record_summary(job, &meta, bytes);
	return err;
}

static int record_run(struct record_job *job)
{
	pid_t perf;
	int err;

	job->begun = record_now();
	record_catch_signals();
	perf = record_start(job);
	if (perf < 0)
		return -EIO;
	err = record_watch(job, perf);
	if (err)
		return record_complain("cannot keep the samples", err);
	if (access(job->data, R_OK)) {
		fprintf(stderr, "gracewalk record: perf wrote no data; its own message is above\n");
		return -EIO;
	}
	err = record_convert(job);
	if (!err)
		return record_finish(job);
	record_repeat_errors(job);
	return record_complain("what perf recorded cannot be read", err);
}

/* popt's words belong to its context; a copy outlives it. */
static char **record_copy_words(const char **words)
{
	size_t n = 0;
	char **copy;

	while (words && words[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++)
		copy[i] = strdup(words[i]);
	return copy;
}

static int record_options(struct record_job *job, int argc, const char **argv)
{
	const struct poptOption options[] = {
		{"output", 'o', POPT_ARG_STRING, &job->output, 0,
		 "write the trace here (default: gracewalk.gwt)", "FILE"},
		{"buffer", 'm', POPT_ARG_STRING, &job->buffer, 0,
		 "perf's buffer for each CPU, as 64M (default: 32M for root)", "SIZE"},
		{"interval", 'i', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &job->interval, 0,
		 "milliseconds between samples of VmPTE", "MS"},
		POPT_AUTOHELP POPT_TABLEEND};
	poptContext context =
		poptGetContext("gracewalk record", argc, argv, options, POPT_CONTEXT_POSIXMEHARDER);
	int rc;

	poptSetOtherOptionHelp(context, "[OPTION...] -- PROGRAM [ARGUMENT...]");
	rc = poptGetNextOpt(context);
	job->program = record_copy_words(poptGetArgs(context));
	if (rc < -1)
		fprintf(stderr, "gracewalk record: %s: %s\n",
			poptBadOption(context, POPT_BADOPTION_NOALIAS), poptStrerror(rc));
	else if (!job->program || !job->program[0])
		fprintf(stderr, "gracewalk record: no program to run. As in: "
				"gracewalk record -o ls.gwt -- ls -l\n");
	else if (job->interval < 1 || job->interval > 60000)
		fprintf(stderr, "gracewalk record: --interval takes 1 to 60000 milliseconds\n");
	else {
		poptFreeContext(context);
		return 0;
	}
	poptFreeContext(context);
	return -EINVAL;
}

int record_main(int argc, const char **argv)
{
	struct record_job job = {
		.output = "gracewalk.gwt",
		.interval = 10,
		.sampler = {.fd = -1},
		/* Others may lock half a megabyte only, which perf takes by itself. */
		.buffer = geteuid() ? NULL : "32M",
	};
	int err = 0;

	record_script_begin(&job.script, (uint64_t)sysconf(_SC_PAGESIZE));
	if (record_options(&job, argc, argv)) {
		err = 2;
	} else if (!record_is_program(job.program[0])) {
		fprintf(stderr, "gracewalk record: there is no program %s that can be executed\n",
			job.program[0]);
		err = 1;
	} else if (!record_can_write(job.output) || !record_allowed() || record_make_dir(&job)) {
		err = 1;
	} else {
		err = record_run(&job) ? 1 : 0;
		record_remove_dir(&job);
	}
	for (char **word = job.program; word && *word; word++)
		free(*word);
	free(job.program);
	record_sampler_end(&job.sampler);
	record_script_end(&job.script);
	return err;
}
