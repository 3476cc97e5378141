// Kinglet: the public face. A `LanguageModel` is loaded from a file, completes text and runs conversations through
// `ChatSession`; an `EmbeddingModel` turns texts into vectors; all else is a room below, of which this module shows what
// its own signatures speak of.

@_exported import KingletAdapters
@_exported import KingletEmbedding
@_exported import KingletErrors
@_exported import KingletGeneration
import KingletTensors
@_exported import KingletTokenizers
import KingletTransformer

/// How a model computes: threads, activations, matrix products.
public typealias ComputeOptions = KingletTensors.ComputeOptions

/// An adapter that has been made ready for one model; see `LanguageModel/load(_:)-(Adapter)`.
public typealias LoadedAdapter = KingletTransformer.LoadedAdapter

/// An adapter and how strongly it is applied.
public typealias AppliedAdapter = KingletTransformer.AppliedAdapter

/// How keys and values are stored.
public typealias KVType = KingletTransformer.KVType
