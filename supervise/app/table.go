package app

// cell is what an event does in a state, and where that may lead. An empty one: nothing, by intent.
type cell struct {
	do func(*step)
	to []State
}

func to(s ...State) []State { return s }

// afterTheEnd is where a slot goes when nothing of its process is left.
var afterTheEnd = to(Starting, Backoff, Scheduled, Completed, Stopped, Failed, Removed)

// table is the machine. A slot that Shutdown has ended is not started again: App.Step refuses it ahead of the table.
var table = [states][slotKinds]cell{
	Waiting: {
		DependenciesMet: {(*step).dependenciesMet, to(Starting, Scheduled)},
		Due:             {(*step).owe, to(Waiting)},
		AskStart:        {(*step).owe, to(Waiting)},
		AskStop:         {(*step).stay, to(Stopped)},
		AskKill:         {(*step).stay, to(Stopped)},
		AskRemove:       {(*step).leave, to(Removed)},
		Shutdown:        {(*step).stayForShutdown, to(Stopped)},
	},
	Starting: {
		Started:             {(*step).started, to(Starting, Running)},
		StartFailed:         {(*step).startFailed, to(Starting, Backoff, Scheduled, Failed, Removed)},
		Ready:               {(*step).ready, to(Starting, Running)},
		Unready:             {(*step).notYet, to(Starting)},
		Extended:            {(*step).extended, to(Starting)},
		MainPID:             {(*step).mainPID, to(Starting)},
		Said:                {(*step).said, to(Starting)},
		Exited:              {(*step).exited, to(Starting, Stopping)},
		TreeGone:            {(*step).treeGone, to(Starting, Backoff, Scheduled, Failed, Removed)}, // of the hook
		Timer:               {(*step).timerFired, to(Starting, Stopping)},
		Recycle:             {(*step).enqueue, to(Starting)},
		Due:                 {(*step).overlap, to(Starting, Stopping)},
		AskStop:             {(*step).stop, to(Stopping)},
		AskRestart:          {(*step).restart, to(Stopping)},
		AskSignal:           {(*step).signal, to(Starting)},
		AskKill:             {(*step).kill, to(Stopping)},
		AskRemove:           {(*step).remove, to(Stopping)},
		DependencyRestarted: {(*step).restart, to(Stopping)},
		Shutdown:            {(*step).shutdown, to(Stopping)},
	},
	Running: {
		Ready:               {(*step).readyAgain, to(Running)},
		Unready:             {(*step).unready, to(Running)},
		Unhealthy:           {(*step).unhealthy, to(Running, Stopping)},
		MainPID:             {(*step).mainPID, to(Running)},
		Said:                {(*step).said, to(Running)},
		SaysStopping:        {(*step).saysStopping, to(Running)},
		Exited:              {(*step).exited, to(Stopping)},
		Timer:               {(*step).timerFired, to(Stopping)},
		Recycle:             {(*step).recycle, to(Running, Stopping)},
		Due:                 {(*step).overlap, to(Running, Stopping)},
		AskStop:             {(*step).stop, to(Stopping)},
		AskRestart:          {(*step).restart, to(Stopping)},
		AskSignal:           {(*step).signal, to(Running)},
		AskKill:             {(*step).kill, to(Stopping)},
		AskRemove:           {(*step).remove, to(Stopping)},
		AskPause:            {(*step).pause, to(Paused)},
		DependencyRestarted: {(*step).restart, to(Stopping)},
		Shutdown:            {(*step).shutdown, to(Stopping)},
	},
	Paused: {
		Ready:               {(*step).readyAgain, to(Paused)}, // said just before
		Unready:             {(*step).unready, to(Paused)},
		Said:                {(*step).said, to(Paused)},
		SaysStopping:        {(*step).saysStopping, to(Paused)},
		Exited:              {(*step).exited, to(Stopping)},
		Frozen:              {(*step).frozen, to(Paused)},
		FreezeFailed:        {(*step).freezeFailed, to(Paused, Running)},
		Timer:               {(*step).timerFired, to(Stopping)},
		Recycle:             {(*step).enqueue, to(Paused)},
		Due:                 {(*step).overlap, to(Paused, Stopping)},
		AskStart:            {(*step).resume, to(Running)},
		AskStop:             {(*step).stop, to(Stopping)},
		AskRestart:          {(*step).restart, to(Stopping)},
		AskSignal:           {(*step).signal, to(Paused)},
		AskKill:             {(*step).kill, to(Stopping)},
		AskRemove:           {(*step).remove, to(Stopping)},
		AskResume:           {(*step).resume, to(Running)},
		DependencyRestarted: {(*step).restart, to(Stopping)},
		Shutdown:            {(*step).shutdown, to(Stopping)},
	},
	Stopping: {
		Started:     {(*step).startedLate, to(Stopping)},
		StartFailed: {(*step).startFailed, afterTheEnd},
		Extended:    {(*step).extended, to(Stopping)},
		Said:        {(*step).said, to(Stopping)},
		Exited:      {(*step).exitedAsAsked, to(Stopping)},
		TreeGone:    {(*step).treeGone, append(to(Stopping), afterTheEnd...)},
		Timer:       {(*step).timerFired, to(Stopping)},
		Due:         {(*step).overlapEnding, to(Stopping)},
		AskStart:    {(*step).againInstead, to(Stopping)},
		AskStop:     {(*step).stayInstead, to(Stopping)},
		AskRestart:  {(*step).againInstead, to(Stopping)},
		AskSignal:   {(*step).signal, to(Stopping)},
		AskKill:     {(*step).killInstead, to(Stopping)},
		AskRemove:   {(*step).removeInstead, to(Stopping)},
		Shutdown:    {(*step).shutdownInstead, to(Stopping)},
		Hurry:       {(*step).hurried, to(Stopping)},
	},
	Backoff: {
		Timer:      {(*step).timerFired, to(Starting)},
		AskStart:   {(*step).startAnew, to(Starting)},
		AskStop:    {(*step).stay, to(Stopped)},
		AskRestart: {(*step).startAnew, to(Starting)},
		AskKill:    {(*step).stay, to(Stopped)},
		AskRemove:  {(*step).leave, to(Removed)},
		Shutdown:   {(*step).stayForShutdown, to(Stopped)},
	},
	Scheduled: {
		Due:        {(*step).run, to(Starting)},
		AskStart:   {(*step).run, to(Starting)},
		AskStop:    {(*step).stay, to(Stopped)},
		AskRestart: {(*step).run, to(Starting)},
		AskKill:    {(*step).stay, to(Stopped)},
		AskRemove:  {(*step).leave, to(Removed)},
		Shutdown:   {(*step).stayForShutdown, to(Stopped)},
	},
	Completed: {
		AskStart:   {(*step).startAnew, to(Starting, Waiting)},
		AskRestart: {(*step).startAnew, to(Starting, Waiting)},
		AskRemove:  {(*step).leave, to(Removed)},
	},
	Stopped: {
		AskStart:   {(*step).startAnew, to(Starting, Waiting)},
		AskRestart: {(*step).startAnew, to(Starting, Waiting)},
		AskRemove:  {(*step).leave, to(Removed)},
	},
	Failed: {
		AskStart:   {(*step).startAnew, to(Starting, Waiting)},
		AskRestart: {(*step).startAnew, to(Starting, Waiting)},
		AskRemove:  {(*step).leave, to(Removed)},
	},
}
