"""Files to arrays: frames, waveforms, flow, MFCC and the windows they are cut into."""
