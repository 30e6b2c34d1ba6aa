"""What a person does to versions by hand: going back, quarantine, the end of a hold, adoption of an unknown one."""
