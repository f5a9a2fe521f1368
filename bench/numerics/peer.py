"""One of PyTorch's programs with one thread setting: prints a line of JSON, wall clock, processor time, peak memory.

    peer.py CASE SETTING REPETITIONS

Most are those of the oracle's peer_timing.py; Listing 1's are in listing1.py."""
import contextlib
import io
import json
import os
import resource
import runpy
import sys
import time

settings = {
    'default': {},
    'bind': {'OMP_NUM_THREADS': '2', 'OMP_PROC_BIND': 'true', 'OMP_PLACES': 'cores'},
    'mix': {'OMP_NUM_THREADS': '2', 'GOMP_SPINCOUNT': '1000', 'OPENBLAS_THREAD_TIMEOUT': '4'},
    'one': {'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1'},
}
# OpenBLAS 0.3.21 takes Intel's newest processors for Cooper Lake, with kernels that are four times slower in gradients.
for name in ('default', 'mix'):
    settings[f'{name}-skylakex'] = {**settings[name], 'OPENBLAS_CORETYPE': 'SkylakeX'}
case, setting, repetitions = sys.argv[1:4]
# Before any library that reads them is loaded. The last says that they stand.
os.environ.update(settings[setting], _CHILD='1')

import oracle  # noqa: E402

if case.startswith('listing1_'):
    import listing1
    told = listing1.measure(case)
else:
    clock = time.perf_counter
    moments = []

    def noted():
        moments.append((clock(), time.process_time()))
        return moments[-1][0]

    time.perf_counter = noted
    program = os.path.join(oracle.folder, 'peer_timing.py')
    sys.argv = [program, case, '--config', setting, '--reps', repetitions]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(program, run_name='__main__')
    result = json.loads(printed.getvalue().strip().split('\n')[-1])
    wall = result['median_s']
    spans = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(moments, moments[1:])]
    scale = result['extrapolated_51x51_s'] / wall if 'extrapolated_51x51_s' in result else 1
    told = {
        'wall': scale * wall,
        'cpu': scale * min(spans, key=lambda span: abs(span[0] - wall))[1],
        'note': '51 of 51 x 51 points timed, times 51' if scale > 1 else None,
    }
told['megabytes'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(told))
