import ArgumentParser

struct LoraCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lora",
    abstract: "Merge, convert and inspect LoRA adapters.",
    discussion: """
      Examples:
        kinglet lora inspect adapters/legal --base smollm2
        kinglet lora merge model.gguf adapters/legal -o legal.gguf
        kinglet lora convert adapters/legal -o legal-lora.gguf --to gguf --base model.gguf

      An adapter is a PEFT folder, an MLX folder or a GGUF file. To apply one without merging, give --adapter to \
      `generate`, `chat` and others.
      """,
    subcommands: [LoraMerge.self, LoraConvert.self, LoraInspect.self])
}
