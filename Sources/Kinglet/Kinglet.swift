// Kinglet: the public face. A `LanguageModel` is loaded from a file, completes text and runs conversations through
// `ChatSession`; an `EmbeddingModel` turns texts into vectors; all else is a room below, of which this module shows what
// its own signatures speak of.

@_exported import KingletEmbedding
@_exported import KingletErrors
@_exported import KingletGeneration
import KingletTensors
@_exported import KingletTokenizers
import KingletTransformer

/// How a model computes: threads, activations, matrix products.
public typealias ComputeOptions = KingletTensors.ComputeOptions

/// How keys and values are stored.
public typealias KVType = KingletTransformer.KVType
