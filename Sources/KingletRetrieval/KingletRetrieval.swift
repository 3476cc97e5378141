// KingletRetrieval: answers from the user's own documents, with sources one can check. `KnowledgeBase` is its face: it
// reads files (room Documents), embeds their chunks, keeps them in a store, finds what a question asks for and has a
// small model write the answer, each sentence of which is traced back to what was found. It sits on `EmbeddingModel` and
// `ChatSession` and knows nothing of kernels; how the vectors of a large store are scanned is the business of `Tensors`.

@_exported import Kinglet
@_exported import KingletDocuments
