// Tensors: numbers with a shape. Matrices packed for the kernels, activations, the cache of keys and values, the pool of
// threads, and the handful of operations a forward pass is written in. All pointers above the kernels end here: what this
// room exports is checked once, when it is made, and safe to use.

import KingletKernels

public typealias KernelTable = KingletKernels.KernelTable
public typealias ProcessorFeatures = KingletKernels.ProcessorFeatures
public typealias InstructionSet = KingletKernels.InstructionSet
public typealias RotaryPairing = KingletKernels.RotaryPairing
public typealias Activation = KingletKernels.Activation
public typealias KVElement = KingletKernels.KVElement
